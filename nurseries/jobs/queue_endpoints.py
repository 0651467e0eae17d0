"""server.job_queue.*: the queue as clients see it and what they may order.

Owns nothing; built with the `JobQueue` that carries it out.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.errors import ClientError
from mrk.jobs.queue import COPIES_LIMIT, NOTE_CHARS, Queue


class PostJobParams(msgspec.Struct, frozen=True):
    """Paths relative to the gcodes root; `reset` empties the queue first.

    `copies` (1 to 999) and `note` (up to 1000 characters) hold for each of the files; mrk's own.
    """

    filenames: list[str]
    reset: bool = False
    copies: int = 1
    note: str | None = None


class DeleteJobParams(msgspec.Struct, frozen=True):
    """Ids to remove; needed unless `all` is true."""

    job_ids: list[str] | None = None
    all: bool = False


class JumpParams(msgspec.Struct, frozen=True):
    """Id of a queued job."""

    job_id: str


class QueuedJobView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One job: Unix time, and seconds waited. `copies` and `note` are left out when not given."""

    filename: str
    job_id: str
    time_added: float
    time_in_queue: float
    copies: int = 1
    note: str | None = None


class QueueStatus(msgspec.Struct, frozen=True):
    """The answer of every method; the first job is the next."""

    queued_jobs: list[QueuedJobView]
    queue_state: str


class Orders(Protocol):
    """The queue behind the endpoints."""

    async def status(self) -> Queue: ...
    async def add(
        self, filenames: list[str], *, reset: bool, user: str | None, copies: int, note: str | None
    ) -> Queue: ...
    async def remove(self, job_ids: list[str] | None) -> Queue: ...
    async def jump(self, job_id: str) -> Queue: ...
    async def pause(self) -> Queue: ...
    async def start(self) -> Queue: ...


def queued_jobs(queue: Queue, now: float) -> list[QueuedJobView]:
    """The jobs at `now` (Unix time)."""
    return [
        QueuedJobView(
            job.filename,
            job.job_id,
            job.time_added,
            max(0.0, now - job.time_added),
            job.copies,
            job.note,
        )
        for job in queue.jobs
    ]


class QueueEndpoints:
    """The handlers. `wall_clock` gives Unix time."""

    def __init__(self, orders: Orders, wall_clock: Callable[[], float]) -> None:
        self._orders = orders
        self._wall_clock = wall_clock

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/server/job_queue/status",
                self.status,
                "The queued jobs and the state.",
                Access.VIEW,
                result=QueueStatus,
            ),
            post(
                "/server/job_queue/job",
                self.post_job,
                "Append jobs to the queue.",
                Access.OPERATE,
                PostJobParams,
                QueueStatus,
            ),
            delete(
                "/server/job_queue/job",
                self.delete_job,
                "Remove jobs from the queue.",
                Access.OPERATE,
                DeleteJobParams,
                QueueStatus,
            ),
            post(
                "/server/job_queue/pause",
                self.pause,
                "Hold the queue.",
                Access.OPERATE,
                result=QueueStatus,
            ),
            post(
                "/server/job_queue/start",
                self.start,
                "Start the queue.",
                Access.OPERATE,
                result=QueueStatus,
            ),
            post(
                "/server/job_queue/jump",
                self.jump,
                "Move one job to the front.",
                Access.OPERATE,
                JumpParams,
                QueueStatus,
            ),
        ]

    def _shown(self, queue: Queue) -> QueueStatus:
        return QueueStatus(queued_jobs(queue, self._wall_clock()), queue.state.value)

    async def status(self, _params: NoParams, _caller: Caller) -> QueueStatus:
        """As it is now."""
        return self._shown(await self._orders.status())

    async def post_job(self, params: PostJobParams, caller: Caller) -> QueueStatus:
        """All of the files, or none."""
        if not 1 <= params.copies <= COPIES_LIMIT:
            raise ClientError(f"Argument 'copies': {params.copies} is not 1 to {COPIES_LIMIT}")
        if params.note is not None and len(params.note) > NOTE_CHARS:
            raise ClientError(f"Argument 'note' has more than {NOTE_CHARS} characters")
        queue = await self._orders.add(
            params.filenames,
            reset=params.reset,
            user=caller.user,
            copies=params.copies,
            note=params.note,
        )
        return self._shown(queue)

    async def delete_job(self, params: DeleteJobParams, _caller: Caller) -> QueueStatus:
        """Unknown ids are ignored."""
        if params.job_ids is None and not params.all:
            raise ClientError("Argument 'job_ids' is missing")
        if params.job_ids == [] and not params.all:
            return self._shown(await self._orders.status())  # nothing was asked for
        return self._shown(await self._orders.remove(None if params.all else params.job_ids))

    async def pause(self, _params: NoParams, _caller: Caller) -> QueueStatus:
        """Answers when a running load step has ended."""
        return self._shown(await self._orders.pause())

    async def start(self, _params: NoParams, _caller: Caller) -> QueueStatus:
        """Answers before the first job is loaded."""
        return self._shown(await self._orders.start())

    async def jump(self, params: JumpParams, _caller: Caller) -> QueueStatus:
        """The other jobs keep their order."""
        return self._shown(await self._orders.jump(params.job_id))
