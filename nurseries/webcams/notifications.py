"""What clients are sent of webcams, for the documents of the API."""

from mrk.api.notification import NotificationKind
from nurseries.webcams.registry import WebcamList

NOTIFICATIONS = (
    NotificationKind(
        "notify_webcams_changed", (WebcamList,), "A webcam was added, changed or deleted."
    ),
)
