"""What clients are sent of the load, for the documents of the API."""

from mrk.api.notification import NotificationKind
from mrk.machine.throttled import ThrottledState
from nurseries.proc_stats.samples import ProcStatUpdate

NOTIFICATIONS = (
    NotificationKind("notify_proc_stat_update", (ProcStatUpdate,), "Every second."),
    NotificationKind(
        "notify_cpu_throttled",
        (ThrottledState,),
        "The firmware began or ended to hold the processor back.",
    ),
)
