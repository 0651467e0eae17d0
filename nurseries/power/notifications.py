"""What clients are sent of power devices, for the documents of the API."""

from mrk.api.notification import NotificationKind
from nurseries.power.endpoints import ShownDevice

NOTIFICATIONS = (
    NotificationKind(
        "notify_power_changed",
        (ShownDevice,),
        "A device was switched, by whomever, or was first reached.",
    ),
)
