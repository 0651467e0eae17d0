"""Changes of the job queue: each is written, believed and told to clients, in that order.

Owned by `JobQueue`, which says what changes; runs no task.
"""

import logging
from collections.abc import Callable

import trio

from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.jobs.queue import Queue
from nurseries.jobs.queue_endpoints import queued_jobs
from nurseries.jobs.stored_queue import StoredQueue

logger = logging.getLogger(__name__)
Rule = Callable[[Queue], Queue]


class QueueChanges:
    """Changes `stored` by rules. `added` are called when there are new jobs, `left` when whoever
    ordered a change left while it was written: `read` tells what came of it."""

    def __init__(
        self,
        stored: StoredQueue,
        clients: Clients,
        wall_clock: Callable[[], float],
        left: Callable[[], None],
    ) -> None:
        self._stored = stored
        self._clients = clients
        self._wall_clock = wall_clock
        self._left = left
        self._told: Queue | None = None
        self.added: list[Callable[[], None]] = []

    async def read(self) -> Queue:
        """The queue as it is stored."""
        async with self._stored.changing:
            return await self._known()

    async def make(
        self,
        rule: Rule,
        action: str | None = "jobs_added",
        *,
        always: bool = False,
        happened: bool = False,
    ) -> Queue:
        """Apply a rule, write what it changed, and tell the clients. Raises `ClientError`.

        `action` says what a change of the jobs is called; None tells nothing of it. What `happened`
        can no longer be refused.
        """
        async with self._stored.changing:
            old = await self._known()
            new = rule(old)
            if new != old:
                try:
                    await self._stored.write(old, new, happened=happened)
                except trio.Cancelled:
                    self._left()
                    raise
            if action is None:
                self._told = new
            else:
                self._tell(new, action, always=always and bool(old.jobs))
            return new

    async def note(self, rule: Rule, action: str = "jobs_added") -> Queue | None:
        """What happened, and nobody asked for: None when what is stored cannot be read."""
        try:
            return await self.make(rule, action, happened=True)
        except ClientError as exc:
            logger.warning("the job queue stays as it is: %s", exc.message)
            return None

    async def _known(self) -> Queue:
        queue = self._stored.believed
        if queue is None:
            queue = await self._stored.read()
            self._tell(queue, "jobs_added")
        return queue

    def _tell(self, queue: Queue, action: str, *, always: bool = False) -> None:
        """Send what differs from what clients were told last; at first nothing does."""
        told = queue if self._told is None else self._told
        self._told = queue
        is_state_told = told.state is queue.state
        if always or told.jobs != queue.jobs:
            self._notify(action, queue)
            # The state that a load leads to is told with it.
            is_state_told |= action == "job_loaded"
        if not is_state_told:
            self._notify("state_changed", queue)
        if action == "jobs_added" and _has_new_jobs(told, queue):
            for added in self.added:
                added()

    def _notify(self, action: str, queue: Queue) -> None:
        jobs = None if action == "state_changed" else queued_jobs(queue, self._wall_clock())
        change = {"action": action, "updated_queue": jobs, "queue_state": queue.state.value}
        self._clients.broadcast_behind_answer("notify_job_queue_changed", [change])


def _has_new_jobs(before: Queue, after: Queue) -> bool:
    """Whether there are others than before, under whatever names their files are now."""
    return not {job.job_id for job in after.jobs} <= {job.job_id for job in before.jobs}
