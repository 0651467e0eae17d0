"""The rows of recorded jobs: written in order until stored, noted with files, told to clients.

Owned by `History`, which decides what is written and calls `run`; no task of its own but that which
measures filament. What the disk does not take waits in memory, so that a print on a full disk is
not lost.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
import trio

from mrk.clients.registry import Clients
from mrk.database.database_protocols import SqlConnection, TablesPort
from mrk.errors import ClientError, Transient
from mrk.jobs.job_protocols import JobMetadata, JobStatePort, PrintedFiles
from mrk.jobs.record import Amount, Job
from mrk.jobs.starters import Starters
from nurseries.jobs import history_store
from nurseries.jobs.history_endpoints import is_unchanged
from nurseries.jobs.pending_writes import PendingWrites
from nurseries.jobs.unseen_filament import UnseenFilament

Result = TypeVar("Result")
# What is to be written behind a notice does not wait for a share that is away.
LOOK_S = 0.3


class NotRead(Transient):
    """The database does not say which job was the last; the job state is looked at again."""


class RecordedJob(msgspec.Struct):
    """A job as it is known; `job.job_id` is 0 until it is stored. `clock_s`: by how much the wall
    clock was ahead of the monotonic one, which is never set, when the start was right."""

    job: Job
    clock_s: float | None = None


class JobRows:
    """Writes that cannot be refused: each returns at once, and is made by `writes.run`."""

    def __init__(
        self,
        job_state: JobStatePort,
        files: PrintedFiles,
        metadata: JobMetadata,
        database: TablesPort,
        clients: Clients,
        starters: Starters,
    ) -> None:
        self._files = files
        self._metadata = metadata
        self._database = database
        self._clients = clients
        self._starters = starters
        self.writes = PendingWrites("history")
        self.unseen_filament = UnseenFilament(
            job_state, metadata, database, partial(self._notify, "finished")
        )

    async def read_last(self) -> Job | None:
        """The job that was begun last, as it is stored. Raises `NotRead`."""
        try:
            return await self._database.run(history_store.read_last)
        except ClientError as exc:
            raise NotRead(f"history: {exc.message}") from exc

    async def keep_figures(self, job: Job) -> None:
        """How far a running job is, at once or not at all. Raises `ClientError`."""
        await self._database.run(lambda c: history_store.keep_figures(c, job))

    def interrupt(self) -> None:
        """Jobs that are stored as running are not known to be."""
        self.writes.add(self._interrupt_rows)

    def add(self, recorded: RecordedJob) -> None:
        """A job that begins."""
        self.writes.add(partial(self._add_row, recorded, recorded.job))
        self.writes.add(partial(self._note_print, recorded))

    def move_start(self, recorded: RecordedJob, start_time: float) -> None:
        """The clock was set while the job runs."""
        self.writes.add(partial(self._move_start, recorded, start_time))

    def reopen(self, recorded: RecordedJob) -> None:
        """A job that was thought to have ended goes on."""
        self.writes.add(partial(self._reopen_row, recorded))

    def finish(
        self, recorded: RecordedJob, job: Job, added: Sequence[Amount], *, is_unseen: bool
    ) -> None:
        """A job that ended as `job`, and adds to the totals; the filament of unseen ends is
        measured."""
        self.writes.add(partial(self._finish_row, recorded, job, added, is_unseen=is_unseen))

    async def _interrupt_rows(self) -> None:
        await self._store(history_store.interrupt_jobs)

    async def _add_row(self, recorded: RecordedJob, job: Job) -> None:
        awaited = self._starters.awaited
        row = await self._store(lambda c: history_store.add_job(c, job, awaited))
        recorded.job = msgspec.structs.replace(
            recorded.job, job_id=row.job_id, start_time=row.start_time
        )
        await self._notify("added", row)

    async def _note_print(self, recorded: RecordedJob) -> None:
        job = recorded.job
        if job.job_id:
            await self._metadata.note_print(job.filename, job.start_time, job.text_id)

    async def _move_start(self, recorded: RecordedJob, start_time: float) -> None:
        job = recorded.job
        if await self._store(lambda c: history_store.move_start(c, job, start_time)):
            recorded.job = msgspec.structs.replace(recorded.job, start_time=start_time)
            await self._note_print(recorded)

    async def _reopen_row(self, recorded: RecordedJob) -> None:
        job = recorded.job
        await self._store(lambda c: history_store.reopen_job(c, job))

    async def _finish_row(
        self, recorded: RecordedJob, job: Job, added: Sequence[Amount], *, is_unseen: bool
    ) -> None:
        known = recorded.job
        job = msgspec.structs.replace(job, job_id=known.job_id, start_time=known.start_time)
        if await self._store(lambda c: history_store.finish_job(c, job, added)):
            await self._notify("finished", job)
            if is_unseen:
                self.unseen_filament.add(job)

    async def _store(self, function: Callable[[SqlConnection], Result]) -> Result:
        """Write so that a power cut does not take it. Raises `ClientError`."""
        return await self._database.run(function, durable=True)

    async def _notify(self, action: str, job: Job) -> None:
        shown = await self._shown(job)
        self._clients.broadcast("notify_history_changed", [{"action": action, "job": shown}])

    async def _shown(self, job: Job) -> dict[str, Any]:
        is_there = True  # unless the disk says something else in time
        with trio.move_on_after(LOOK_S):
            (now,) = await self._files.modified([job.filename])
            is_there = is_unchanged(now, job.metadata.get("modified"))
        return {
            "job_id": job.text_id,
            "user": job.user,
            "filename": job.filename,
            "exists": is_there,
            "status": job.status,
            "start_time": job.start_time,
            "end_time": job.end_time,
            "print_duration": job.print_duration,
            "total_duration": job.total_duration,
            "filament_used": job.filament_used,
            "metadata": job.metadata,
            "auxiliary_data": job.auxiliary_data,
        }
