"""Changes of the job queue: each is written, believed and told to clients, in that order.

Owned by `JobQueue`, which says what changes; runs no task.
"""

import logging
from collections.abc import Callable

from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.jobs.queue import Queue
from nurseries.jobs.queue_endpoints import queued_jobs
from nurseries.jobs.stored_queue import StoredQueue

logger = logging.getLogger(__name__)
Rule = Callable[[Queue], Queue]


class QueueChanges:
    """Changes `stored` by rules. `added` are called when clients are told of new jobs."""

    def __init__(
        self, stored: StoredQueue, clients: Clients, wall_clock: Callable[[], float]
    ) -> None:
        self._stored = stored
        self._clients = clients
        self._wall_clock = wall_clock
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
                await self._stored.write(old, new, happened=happened)
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
            if self._told is None:
                self._told = queue
            self._tell(queue, "jobs_added")
        return queue

    def _tell(self, queue: Queue, action: str, *, always: bool = False) -> None:
        """Send what differs from what clients were told last."""
        told, self._told = self._told, queue
        if always or told is None or told.jobs != queue.jobs:
            self._notify(action, queue)
        if told is not None and told.state is not queue.state and action != "job_loaded":
            self._notify("state_changed", queue)

    def _notify(self, action: str, queue: Queue) -> None:
        jobs = None if action == "state_changed" else queued_jobs(queue, self._wall_clock())
        if action == "jobs_added":
            for added in self.added:
                added()
        change = {"action": action, "updated_queue": jobs, "queue_state": queue.state.value}
        self._clients.broadcast_behind_answer("notify_job_queue_changed", [change])
