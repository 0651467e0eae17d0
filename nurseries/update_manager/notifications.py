"""What clients are sent of updates, for the documents of the API."""

from mrk.api.notification import NotificationKind
from mrk.updates.statuses import UpdateStatus
from nurseries.update_manager.announcer import UpdateResponse

NOTIFICATIONS = (
    NotificationKind(
        "notify_update_response",
        (UpdateResponse,),
        "An update, recovery or rollback says something; the last line is complete.",
    ),
    NotificationKind(
        "notify_update_refreshed", (UpdateStatus,), "What there is to update was looked up."
    ),
)
