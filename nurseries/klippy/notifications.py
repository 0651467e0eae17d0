"""What clients are sent of Klipper, for the documents of the API."""

from typing import Any

from mrk.api.notification import NotificationKind

NOTIFICATIONS = (
    NotificationKind(
        "notify_klippy_ready", (), "Klipper is ready, and what it knew of subscriptions is gone."
    ),
    NotificationKind("notify_klippy_shutdown", (), "Klipper has shut down while it was connected."),
    NotificationKind(
        "notify_klippy_disconnected",
        (),
        "The connection to Klipper has ended, and all subscriptions with it.",
    ),
    NotificationKind("notify_gcode_response", (str,), "Klipper printed a line on its console."),
    NotificationKind(
        "notify_status_update",
        (dict[str, dict[str, Any]], float),
        "Fields changed that this connection subscribed to; Klipper's time.",
    ),
)
