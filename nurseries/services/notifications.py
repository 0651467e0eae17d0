"""What clients are sent of services and of sudo, for the documents of the API."""

from mrk.api.notification import NotificationKind
from mrk.machine.machine_protocols import UnitStatus
from nurseries.services.sudo import SudoAlert

NOTIFICATIONS = (
    NotificationKind(
        "notify_service_state_changed",
        (dict[str, UnitStatus],),
        "A managed service changed its state.",
    ),
    NotificationKind(
        "notify_sudo_alert", (SudoAlert,), "Something needs root, or what waited for it was done."
    ),
)
