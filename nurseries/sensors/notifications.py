"""What clients are sent of sensors, for the documents of the API."""

from mrk.api.notification import NotificationKind

NOTIFICATIONS = (
    NotificationKind(
        "notify_sensor_update",
        (dict[str, dict[str, float | str | bool | None]],),
        "Sensors whose values changed, at most once a second.",
    ),
)
