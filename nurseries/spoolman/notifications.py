"""What clients are sent of Spoolman, for the documents of the API."""

import msgspec

from mrk.api.notification import NotificationKind
from nurseries.spoolman.endpoints import ActiveSpool


class SpoolmanStatus(msgspec.Struct, frozen=True):
    """Whether Spoolman can be reached."""

    spoolman_connected: bool


NOTIFICATIONS = (
    NotificationKind(
        "notify_active_spool_set", (ActiveSpool,), "Another spool is active, or none."
    ),
    NotificationKind(
        "notify_spoolman_status_changed",
        (SpoolmanStatus,),
        "The connection to Spoolman stands, or is lost.",
    ),
)
