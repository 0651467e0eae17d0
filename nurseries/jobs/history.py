"""The history's recorder: a row for each job, from its start to its end, once.

`serve` follows the job state; it ends when cancelled, and then notes how far a running job was.
Such a job is taken up again when Klipper shows the same print by its own durations. `job_rows.py`
writes what comes of it.
"""

import logging
import time
from collections.abc import Callable, Sequence

import msgspec
import trio

from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError, Transient
from mrk.fanout import EventReader
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot, JobStateEvent, PrinterGone
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
    FILAMENT_INCOMPLETE,
    IN_PROGRESS,
    INTERRUPTED,
    KLIPPY_SHUTDOWN,
    SERVER_EXIT,
    Job,
    amounts,
    begun,
    filament_source,
    kept_metadata,
    shown_auxiliary,
)
from mrk.jobs.starters import Starters
from nurseries.jobs.history_endpoints import HistoryEndpoints
from nurseries.jobs.job_rows import JobRows, NotRead, RecordedJob
from nurseries.jobs.stored_starts import StoredStarts

logger = logging.getLogger(__name__)
# A few events a print; 64 are those of a minute of an excited user.
NEWS = 64
# How much of a running job's figures a power cut may take.
CHECKPOINT_S = 60.0
# A slow card takes some 0.1 s to have a job's end on it; the whole shutdown has 2 s.
FLUSH_S = 1.0


class History:
    """Records the jobs of one printer. `wall_clock` gives Unix time, and may be set meanwhile."""

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
        monotonic: Callable[[], float] = trio.current_time,
    ) -> None:
        self._job_state = job_state
        self._files = files
        self._metadata = metadata
        self._database = database
        self._starters = starters
        self._auxiliary = auxiliary
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        # The job under way, and the one that was begun last.
        self._running: RecordedJob | None = None
        self._last: RecordedJob | None = None
        # What is being taken: the end of mrk may come in between.
        self._due: JobStateEvent | None = None
        self._rows = JobRows(job_state, files, metadata, database, clients, starters)
        self._stored_starts = StoredStarts(starters, database)
        self._writes = self._rows.writes

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        view = HistoryEndpoints(
            self._database, self._files, lambda: self._running is not None, self._values
        )
        return view.endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Record jobs. Raises `NotRead` (in a group)."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._rows.unseen_filament.serve, name="filament of unseen ends")
            nursery.start_soon(self._stored_starts.serve, name="starts of prints")
            await nursery.start(self._follow, name="jobs")
            task_status.started()

    async def _follow(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with self._job_state.open_events("history", NEWS) as events:
            self._running = None
            # No wait in between: what happens after this snapshot comes as events.
            snapshot = self._job_state.snapshot
            starts = self._starters.last_number
            self._due = None if snapshot is None else JobSeen(snapshot, starts=starts)
            try:
                self._rows.interrupt()
                await self._restore_starts()
                await self._writes.run()
                await self._take_due()
                await self._writes.run()
                task_status.started()
                await self._record(events)
            except trio.Cancelled:
                with trio.move_on_after(FLUSH_S, shield=True) as scope:
                    await self._flush(events)
                if scope.cancelled_caught:
                    logger.warning("the running job was not noted in time")
                raise

    async def _record(self, events: EventReader[JobStateEvent]) -> None:
        checkpoint_at = trio.current_time() + CHECKPOINT_S
        while True:
            with trio.move_on_at(min(checkpoint_at, self._writes.retry_at)):
                self._due = await anext(events)
            await self._take_due()
            is_checkpoint = trio.current_time() >= checkpoint_at
            if is_checkpoint:
                checkpoint_at = trio.current_time() + CHECKPOINT_S
                if not self._writes:
                    self._follow_clock()
            await self._writes.run()
            if is_checkpoint:
                await self._keep_figures()

    async def _flush(self, events: EventReader[JobStateEvent]) -> None:
        """The end of mrk: what was begun, what waits, and how far the running job is."""
        try:
            await self._writes.run()
            await self._take_due()
            while True:
                with trio.move_on_after(0):
                    self._due = await anext(events)
                if self._due is None:
                    break
                await self._take_due()
        except Transient as exc:
            logger.warning("%s", exc)
        snapshot = self._job_state.snapshot
        self._end(SERVER_EXIT, None if snapshot is None else snapshot.stats)
        if not await self._writes.run():
            logger.warning("%d writes of the history are lost", len(self._writes))

    async def _restore_starts(self) -> None:
        try:
            await self._stored_starts.restore()
        except ClientError as exc:
            raise NotRead(f"history: {exc.message}") from exc

    # Events

    async def _take_due(self) -> None:
        """Take what is due, if anything is; when cancelled, it is still."""
        if self._due is not None:
            await self._take(self._due)
            self._due = None

    async def _take(self, item: JobStateEvent) -> None:
        match item:
            case JobSeen():
                await self._settle(item)
            case JobChanged(JobEvent.STARTED, previous, snapshot):
                # Another print over the old one, whose end nobody reported.
                self._end("cancelled", previous)
                self._begin(snapshot)
            case JobChanged(event, previous, snapshot) if event in EVENT_STATUS:
                # Standby has forgotten the print's figures.
                stats = previous if event is JobEvent.STANDBY else snapshot.stats
                self._end(EVENT_STATUS[event], stats)
            case PrinterGone(status, last_look):
                self._end(status, None if last_look is None else last_look.stats)

    async def _settle(self, seen: JobSeen) -> None:
        """Compare with the first snapshot after an absence: does the last job go on?

        A print that had begun and ended before it (`missed`, or started by us) is recorded.
        """
        snapshot = seen.snapshot
        last = await self._find_last()
        if last is not None and last.job.goes_on(snapshot):
            self._go_on(last, snapshot)
            return
        self._end("cancelled", None)
        if snapshot.stats.state in END_STATUS and (seen.missed or self._started_by_us(last, seen)):
            begun_unseen = self._begin(snapshot, seen.starts)
            self._finish_unseen(begun_unseen, snapshot)
        if snapshot.is_early and last is not None and last.job.is_shown_active(snapshot):
            return  # that has ended with a Klipper that halted, which is not known so early
        if snapshot.stats.is_active and not snapshot.is_down:
            self._begin(snapshot, seen.starts)

    async def _find_last(self) -> RecordedJob | None:
        """The job that was begun last; None when there is none or it was deleted."""
        if self._last is None or not self._writes:
            stored = await self._rows.read_last()
            self._last = None if stored is None else RecordedJob(stored)
        last = self._last
        if last is not None and last.job.status == IN_PROGRESS and self._running is None:
            # As the write says that may still wait.
            last.job = msgspec.structs.replace(last.job, status=INTERRUPTED)
        return last

    def _started_by_us(self, last: RecordedJob | None, seen: JobSeen) -> bool:
        if last is not None and last.job.is_shown_ended(seen.snapshot):
            return False
        return self._starters.is_awaited(seen.snapshot.stats.filename, seen.starts)

    def _go_on(self, recorded: RecordedJob, snapshot: JobSnapshot) -> None:
        job = recorded.job
        if job.status != IN_PROGRESS:
            self._rows.reopen(recorded)
            recorded.job = msgspec.structs.replace(job, status=IN_PROGRESS, end_time=None)
            for provider in self._auxiliary:
                provider.resume_job(job.auxiliary_data)
            logger.info("job %s goes on: %s", job.text_id, job.filename)
        self._running = recorded
        if snapshot.stats.is_active:
            # As at a beginning: the clock may have been set while nobody looked.
            self._note_start(recorded, self._wall_clock() - snapshot.stats.total_duration)
        if snapshot.klippy_state == "shutdown":
            self._end(KLIPPY_SHUTDOWN, snapshot.stats)
        elif snapshot.stats.state in END_STATUS:
            self._finish_unseen(recorded, snapshot)

    # One job

    def _begin(self, snapshot: JobSnapshot, starts: int | None = None) -> RecordedJob:
        """`starts`: the last start that it may come of."""
        filename = snapshot.stats.filename
        for provider in self._auxiliary:
            provider.begin_job()
        job = msgspec.structs.replace(
            begun(snapshot, self._starters.take(filename, starts), self._wall_clock()),
            metadata=kept_metadata(self._metadata.get(filename)),
            auxiliary_data=shown_auxiliary(self._values()),
        )
        recorded = self._running = self._last = RecordedJob(job, self._clock_s)
        self._rows.add(recorded)
        return recorded

    @property
    def _clock_s(self) -> float:
        return self._wall_clock() - self._monotonic()

    def _follow_clock(self) -> None:
        """Move the running job's start by what the clock was set since it was right."""
        running = self._running
        if running is None or running.clock_s is None:
            return
        self._note_start(running, running.job.start_time + self._clock_s - running.clock_s)

    def _note_start(self, recorded: RecordedJob, start_time: float) -> None:
        """By the clock as it is now: a machine without a battery begins in the past."""
        moved = recorded.job.start_by(start_time)
        if moved is not None or recorded.clock_s is None:
            recorded.clock_s = self._clock_s
        if moved is not None:
            logger.info("the clock was set: the start of %s is moved", recorded.job.filename)
            self._rows.move_start(recorded, moved)

    def _end(self, status: str, stats: PrintStats | None) -> None:
        """End the running job, if there is one, with the figures of `stats`."""
        if self._running is None:
            return
        job = self._running.job if stats is None else self._running.job.with_figures(stats)
        self._follow_clock()
        self._finish(job.ended(status, self._wall_clock()))

    def _finish_unseen(self, recorded: RecordedJob, snapshot: JobSnapshot) -> None:
        """Klipper tells how it ended; of its filament only what somebody asked for."""
        job = recorded.job.ended_unseen(snapshot, self._wall_clock())
        self._finish(job, [filament_source(FILAMENT_INCOMPLETE)])

    def _finish(self, job: Job, marks: Sequence[AuxiliaryValue] = ()) -> None:
        assert self._running is not None
        values = [*self._values(), *marks]
        # Metadata of a fresh upload may not have been known at the start.
        metadata = job.metadata or kept_metadata(self._metadata.get(job.filename))
        recorded, self._running = self._running, None
        recorded.job = job = msgspec.structs.replace(
            job, metadata=metadata, auxiliary_data=shown_auxiliary(values)
        )
        added = list(amounts(job, values))
        self._rows.finish(recorded, job, added, is_unseen=bool(marks))

    async def _keep_figures(self) -> None:
        snapshot, running = self._job_state.snapshot, self._running
        if running is None or snapshot is None or self._writes:
            return
        job = running.job.with_figures(snapshot.stats)
        running.job = job = msgspec.structs.replace(
            job, auxiliary_data=shown_auxiliary(self._values())
        )
        try:
            await self._rows.keep_figures(job)
        except ClientError as exc:
            logger.debug("how far job %s is was not noted: %s", job.text_id, exc.message)

    def _values(self) -> list[AuxiliaryValue]:
        return [value for provider in self._auxiliary for value in provider.values()]
