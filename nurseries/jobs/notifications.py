"""What clients are sent of queue and history, for the documents of the API."""

from typing import Any, Literal

import msgspec

from mrk.api.notification import NotificationKind
from nurseries.jobs.queue_endpoints import QueuedJobView


class ShownJob(msgspec.Struct, frozen=True):
    """A job of the history; Unix seconds, seconds, mm."""

    job_id: str
    user: str
    filename: str
    exists: bool
    status: str
    start_time: float
    end_time: float | None
    print_duration: float
    total_duration: float
    filament_used: float
    metadata: dict[str, Any]
    auxiliary_data: list[dict[str, Any]]


class HistoryChanged(msgspec.Struct, frozen=True):
    """A job was added to the history, or ended there."""

    action: Literal["added", "finished"]
    job: ShownJob


class QueueChanged(msgspec.Struct, frozen=True):
    """`updated_queue` is null when only the state changed."""

    action: Literal["state_changed", "jobs_added", "jobs_removed", "job_loaded"]
    updated_queue: list[QueuedJobView] | None
    queue_state: Literal["ready", "loading", "starting", "paused"]


NOTIFICATIONS = (
    NotificationKind(
        "notify_history_changed", (HistoryChanged,), "A print began, or ended for whatever reason."
    ),
    NotificationKind(
        "notify_job_queue_changed", (QueueChanged,), "The queue's jobs or its state changed."
    ),
)
