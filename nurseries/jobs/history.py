"""The history's recorder: a row for each job, from its start to its end, once.

`serve` follows the job state; it ends when cancelled, and then notes how far a running job was.
Such a job is taken up again when Klipper shows the same print by its own durations.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import trio

from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import SqlConnection, TablesPort
from mrk.errors import ClientError, Transient
from mrk.fanout import EventReader
from mrk.jobs.events import JobChanged, JobNews, JobSeen, JobSnapshot, PrinterGone
from mrk.jobs.job_protocols import (
    AuxiliaryProvider,
    AuxiliaryValue,
    JobMetadata,
    JobStatePort,
    PrintedFiles,
)
from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.jobs.record import (
    END_STATUS,
    EVENT_STATUS,
    IN_PROGRESS,
    KLIPPY_SHUTDOWN,
    SERVER_EXIT,
    Job,
    amounts,
    begun,
    kept_metadata,
    shown_auxiliary,
)
from mrk.jobs.starters import Starters
from nurseries.jobs import history_store
from nurseries.jobs.history_view import HistoryEndpoints, file_exists

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
# A few news a print; 64 are those of a minute of an excited user.
NEWS = 64
# How much of a running job's figures a power cut may take.
CHECKPOINT_S = 60.0
# A slow card takes some 0.1 s to have a job's end on it; the whole shutdown has 2 s.
FLUSH_S = 1.0


class NotStored(Transient):
    """The database could not take a job (a full disk); the job state is looked at again."""


class History:
    """Records the jobs of one printer. `wall_clock` gives Unix time."""

    def __init__(
        self,
        job_state: JobStatePort,
        files: PrintedFiles,
        metadata: JobMetadata,
        database: TablesPort,
        clients: Clients,
        starters: Starters,
        *,
        auxiliary: Sequence[AuxiliaryProvider] = (),
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._job_state = job_state
        self._files = files
        self._metadata = metadata
        self._database = database
        self._clients = clients
        self._starters = starters
        self._auxiliary = auxiliary
        self._wall_clock = wall_clock
        self._job: Job | None = None
        # What was being written when `serve` was cancelled; writing it twice changes nothing.
        self._unstored: Callable[[SqlConnection], Any] | None = None

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        view = HistoryEndpoints(self._database, self._files, lambda: self._job is not None)
        return view.endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Record jobs. Raises `NotStored`."""
        with self._job_state.open_events("history", NEWS) as news:
            self._job, self._unstored = None, None
            # No wait in between: what happens after this look comes as news.
            look = self._job_state.look
            try:
                await self._store(history_store.interrupt_jobs)
                if look is not None:
                    await self._settle(look)
                task_status.started()
                await self._record(news)
            except trio.Cancelled:
                with trio.move_on_after(FLUSH_S, shield=True) as scope:
                    await self._flush(news)
                if scope.cancelled_caught:
                    logger.warning("the running job was not noted in time")
                raise

    async def _record(self, news: EventReader[JobNews]) -> None:
        checkpoint_at = trio.current_time() + CHECKPOINT_S
        while True:
            item: JobNews | None = None
            with trio.move_on_at(checkpoint_at):
                item = await anext(news)
            if item is not None:
                await self._take(item)
            if trio.current_time() >= checkpoint_at:
                checkpoint_at = trio.current_time() + CHECKPOINT_S
                await self._keep_figures()

    async def _flush(self, news: EventReader[JobNews]) -> None:
        """The end of mrk: what was begun, what waits, and how far the running job is."""
        try:
            if self._unstored is not None:
                await self._store(self._unstored)
            while True:
                item: JobNews | None = None
                with trio.move_on_after(0):
                    item = await anext(news)
                if item is None:
                    break
                await self._take(item)
            look = self._job_state.look
            await self._end(SERVER_EXIT, None if look is None else look.stats)
        except Transient as exc:
            logger.warning("the running job was not noted: %s", exc)

    # News

    async def _take(self, item: JobNews) -> None:
        match item:
            case JobSeen():
                await self._settle(item.look, missed=item.missed)
            case JobChanged(JobEvent.STARTED, previous, look):
                # Another print over the old one, whose end nobody reported.
                await self._end("cancelled", previous)
                await self._begin(look)
            case JobChanged(event, previous, look) if event in EVENT_STATUS:
                # Standby has forgotten the print's figures.
                stats = previous if event is JobEvent.STANDBY else look.stats
                await self._end(EVENT_STATUS[event], stats)
            case PrinterGone(status, last_look):
                await self._end(status, None if last_look is None else last_look.stats)

    async def _settle(self, look: JobSnapshot, *, missed: bool = False) -> None:
        """Compare with the first look after an absence: does the last job go on?

        A print that had begun and ended before this look (`missed`, or started by us) is recorded.
        """
        last = await self._read(history_store.read_last)
        if last is not None and last.goes_on(look):
            await self._go_on(last, look)
            return
        if self._job is not None:
            await self._end("cancelled", None)
        if look.stats.state in END_STATUS and (missed or self._started_by_us(last, look)):
            job = await self._begin(look)
            await self._finish(job.ended_unseen(look, self._wall_clock()))
        if look.stats.is_active and look.klippy_state == "ready":
            await self._begin(look)

    def _started_by_us(self, last: Job | None, look: JobSnapshot) -> bool:
        if last is not None and last.is_shown_ended(look):
            return False
        return self._starters.is_awaited(look.stats.filename)

    async def _go_on(self, job: Job, look: JobSnapshot) -> None:
        if job.status != IN_PROGRESS:
            stored = job
            job = await self._store(lambda c: history_store.reopen_job(c, stored))
            for provider in self._auxiliary:
                provider.resume_job(job.auxiliary_data)
            logger.info("job %s goes on: %s", job.text_id, job.filename)
        self._job = job
        if look.klippy_state == "shutdown":
            await self._end(KLIPPY_SHUTDOWN, look.stats)
        elif look.stats.state in END_STATUS:
            await self._finish(job.ended_unseen(look, self._wall_clock()))

    # One job

    async def _begin(self, look: JobSnapshot) -> Job:
        filename = look.stats.filename
        for provider in self._auxiliary:
            provider.begin_job()
        job = msgspec.structs.replace(
            begun(look, self._starters.take(filename), self._wall_clock()),
            metadata=kept_metadata(self._metadata.get(filename)),
            auxiliary_data=shown_auxiliary(self._values()),
        )
        job = self._job = await self._store(lambda c: history_store.add_job(c, job))
        try:
            await self._metadata.note_print(filename, job.start_time, job.text_id)
        except ClientError as exc:
            logger.warning("%s: its print is not noted with the file: %s", filename, exc.message)
        self._notify("added", job)
        return job

    async def _end(self, status: str, stats: PrintStats | None) -> None:
        """End the running job, if there is one, with the figures of `stats`."""
        if self._job is None:
            return
        job = self._job if stats is None else self._job.with_figures(stats)
        await self._finish(job.ended(status, self._wall_clock()))

    async def _finish(self, job: Job) -> None:
        values = self._values()
        # Metadata of a fresh upload may not have been known at the start.
        metadata = job.metadata or kept_metadata(self._metadata.get(job.filename))
        job = msgspec.structs.replace(
            job, metadata=metadata, auxiliary_data=shown_auxiliary(values)
        )
        added = list(amounts(job, values))
        was_running = await self._store(lambda c: history_store.finish_job(c, job, added))
        self._job = None
        if was_running:
            self._notify("finished", job)

    async def _keep_figures(self) -> None:
        look = self._job_state.look
        if self._job is None or look is None:
            return
        job = self._job.with_figures(look.stats)
        self._job = job = msgspec.structs.replace(
            job, auxiliary_data=shown_auxiliary(self._values())
        )
        await self._read(lambda c: history_store.keep_figures(c, job))

    def _values(self) -> list[AuxiliaryValue]:
        return [value for provider in self._auxiliary for value in provider.values()]

    def _notify(self, action: str, job: Job) -> None:
        self._clients.broadcast(
            "notify_history_changed", [{"action": action, "job": self._shown(job)}]
        )

    def _shown(self, job: Job) -> dict[str, Any]:
        modified = job.metadata.get("modified")
        return {
            "job_id": job.text_id,
            "user": job.user,
            "filename": job.filename,
            "exists": file_exists(self._files, job.filename, modified),
            "status": job.status,
            "start_time": job.start_time,
            "end_time": job.end_time,
            "print_duration": job.print_duration,
            "total_duration": job.total_duration,
            "filament_used": job.filament_used,
            "metadata": job.metadata,
            "auxiliary_data": job.auxiliary_data,
        }

    # The database

    async def _store(self, function: Callable[[SqlConnection], Result]) -> Result:
        """Write so that a power cut does not take it. Raises `NotStored`."""
        self._unstored = function
        try:
            result = await self._database.run(function, durable=True)
        except ClientError as exc:
            self._unstored = None
            raise NotStored(f"history: {exc.message}") from exc
        self._unstored = None
        return result

    async def _read(self, function: Callable[[SqlConnection], Result]) -> Result:
        """What may be lost without harm. Raises `NotStored`."""
        try:
            return await self._database.run(function)
        except ClientError as exc:
            raise NotStored(f"history: {exc.message}") from exc
