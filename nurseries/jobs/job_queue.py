"""The job queue: what clients and macros order, and the one task that starts queued prints.

What is ordered is in the database before it is believed, answered or told; what the printer or
somebody else did is believed at once, and written when it can be. `serve` follows the printer's
jobs and loads the next one; it ends when cancelled. The rules are `mrk/jobs/queue.py`.
"""

import logging
import time
from collections.abc import Callable

import trio

from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError
from mrk.fanout import EventReader
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot, JobStateEvent, PrinterGone
from mrk.jobs.job_protocols import JobFiles, JobStatePort
from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.jobs.queue import ONE_BY_ONE, Queue, QueueState, Transitions
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.klippy.link_errors import KlippyLost
from mrk.klippy.macro_orders import MacroOrders
from nurseries.jobs.new_jobs import new_jobs
from nurseries.jobs.queue_changes import QueueChanges, Rule
from nurseries.jobs.queue_endpoints import QueueEndpoints
from nurseries.jobs.stored_queue import StoredQueue

logger = logging.getLogger(__name__)
# A few events a print; 64 are those of a minute of an excited user.
NEWS = 64
# Klipper answers within 0.25 s; a start does not hold up other orders for longer.
ANSWER_S = 5.0


class _Handing:
    """A file that the printer was asked for and that is about to be queued, as long as nobody said
    whether it took it."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.is_taken = False


class JobQueue:
    """The queue of one printer. `wall_clock` gives Unix time."""

    def __init__(
        self,
        klippy: KlippyPort,
        gcode: GcodePort,
        job_state: JobStatePort,
        files: JobFiles,
        database: TablesPort,
        clients: Clients,
        transitions: Transitions = ONE_BY_ONE,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._gcode = gcode
        self._job_state = job_state
        self._files = files
        self._transitions = transitions
        self._wall_clock = wall_clock
        self._queue = StoredQueue(database)
        self._changes = QueueChanges(self._queue, clients, wall_clock, self._look_again)
        self._macros = MacroOrders(
            klippy, {"pause_job_queue": self.pause, "start_job_queue": self.start}
        )
        # What is ordered is done in that order, though files and the printer are asked for some.
        self._orders = trio.Lock()
        self._to_load: trio.MemorySendChannel[bool] | None = None
        self._delay = trio.CancelScope()
        self._step: trio.Event | None = None
        # A job that was handed to the printer, as long as nobody said whether it took it.
        self._handed: str | None = None
        # The same of files that are on their way into the queue.
        self._handing: list[_Handing] = []
        self._emptied: list[Callable[[], None]] = []

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return QueueEndpoints(self, self._wall_clock).endpoints()

    def on_emptied(self, told: Callable[[], None]) -> None:
        """Have `told()` called when the print of the last queued job has completed."""
        self._emptied.append(told)

    # What clients and siblings order

    async def status(self) -> Queue:
        """The queue as it is stored, behind what was ordered before."""
        async with self._orders:
            return await self._changes.read()

    @property
    def is_known_empty(self) -> bool:
        """Whether nothing is queued; False when the database has to be asked."""
        return self._queue.believed is not None and not self._queue.believed.jobs

    async def add(
        self,
        filenames: list[str],
        *,
        reset: bool = False,
        user: str | None = None,
        copies: int = 1,
        note: str | None = None,
        handed: bool = False,
    ) -> Queue:
        """Append jobs, all or none; raises `ClientError` for a file that does not exist.

        `handed`: the printer was asked for it already, and the answer was lost. Where it is seen to
        have taken it meanwhile, nothing is appended.
        """
        handing = [_Handing(filenames[-1].removeprefix("/"))] if handed else []
        self._handing += handing
        try:
            async with self._orders:
                jobs = await new_jobs(
                    self._files, filenames, self._wall_clock(), user, copies, note
                )
                automatic, active = self._transitions.automatic, self._job_state.is_active
                if any(one.is_taken for one in handing):
                    return await self._changes.read()
                if handed:
                    self._handed = jobs[-1].job_id
                return await self._changes.make(
                    lambda queue: queue.added(jobs, reset=reset, automatic=automatic, active=active)
                )
        finally:
            self._handing = [one for one in self._handing if one not in handing]

    async def remove(self, job_ids: list[str] | None) -> Queue:
        """Remove some jobs, or all with None; unknown ids are ignored."""
        async with self._orders:
            return await self._changes.make(
                lambda q: q.without(job_ids), "jobs_removed", always=True
            )

    async def jump(self, job_id: str) -> Queue:
        """Move a job to the front; tells nobody."""
        async with self._orders:
            return await self._changes.make(lambda queue: queue.jumped(job_id), None)

    async def pause(self) -> Queue:
        """Hold the queue; a load that waits is dropped, a step that runs is waited for."""
        async with self._orders:
            queue = await self._changes.make(Queue.paused)
        self._delay.cancel()
        if self._step is not None:
            await self._step.wait()
            queue = await self.status()
        return queue

    async def start(self) -> Queue:
        """Load the first job at once if the printer is free."""
        if self._to_load is None:
            raise ClientError("The job queue does not run", 503)
        automatic, stats = self._transitions.automatic, None
        async with self._orders:
            with trio.move_on_after(ANSWER_S) as look:
                stats = await self._job_state.query()
            if look.cancelled_caught:
                raise ClientError("The printer does not answer", 503)
            free, away = stats is not None and not stats.is_active, stats is None
            queue = await self._changes.make(
                lambda q: q.started(free=free, away=away, automatic=automatic)
            )
        self._load_if_due(queue, transition=False)
        return queue

    async def on_file_removed(self, path: str) -> None:
        """A file of the gcodes root, or a folder with all that is in it, is gone."""
        await self._changes.make(
            lambda queue: queue.file_removed(path), "jobs_removed", happened=True
        )

    async def on_file_moved(self, source: str, dest: str) -> None:
        """The same was renamed within the gcodes root."""
        await self._changes.make(lambda queue: queue.file_moved(source, dest), happened=True)

    def on_jobs_added(self, handler: Callable[[], None]) -> None:
        """`QueueNews.on_jobs_added`."""
        self._changes.added.append(handler)

    @property
    def powers_printer(self) -> bool:
        """Whether queued jobs switch the printer on."""
        return bool(self._changes.added)

    @property
    def _loads_when_ready(self) -> bool:
        return self._transitions.load_on_startup or self.powers_printer

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the printer and start queued prints."""
        # Size 1: a load that was asked for twice is one load.
        self._to_load, loads = trio.open_memory_channel[bool](1)
        try:
            with self._job_state.open_events("job_queue", NEWS) as events:
                # No wait in between: what happens after this snapshot comes as events.
                await self._restore(self._job_state.snapshot)
                self._macros.register()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._load_jobs, loads, name="job loader")
                    nursery.start_soon(self._macros.obey, name="job queue orders")
                    nursery.start_soon(self._queue.catch_up, name="job queue writes")
                    task_status.started()
                    await self._follow(events)
        finally:
            self._to_load = None
            self._macros.unregister()

    async def _restore(self, snapshot: JobSnapshot | None) -> None:
        """Begin with what is stored; what happened to a job handed over is asked of the printer."""
        self._queue.forget()
        await self._changes.note(lambda queue: queue.restored(self._transitions.automatic))
        if snapshot is not None:
            await self._on_seen(JobSeen(snapshot, became_ready=False))

    async def _follow(self, events: EventReader[JobStateEvent]) -> None:
        async for item in events:
            match item:
                case JobSeen():
                    await self._on_seen(item)
                case PrinterGone("klippy_shutdown"):
                    await self._on_shutdown()
                case JobChanged():
                    await self._on_job(item)

    async def _on_seen(self, seen: JobSeen) -> None:
        automatic, snapshot = self._transitions.automatic, seen.snapshot
        # A start ordered before this snapshot is our own, and not one that mrk died over.
        if self._step is not None:
            await self._step.wait()
        if seen.restarted or snapshot.is_down:
            self._handed = None
        handed, missed = self._handed, seen.missed
        if snapshot.stats.is_active or missed:
            self._note_taken(snapshot)
        queue = await self._changes.note(
            lambda q: q.settled(snapshot, automatic, handed, missed=missed), "job_loaded"
        )
        if queue is not None and queue.printing is not None:
            self._handed = None
        queue = await self._note_end(lambda q: q.on_seen(snapshot, automatic), snapshot)
        if snapshot.is_early:
            return  # what is due is loaded when the printer is ready
        if queue is not None and queue.state is QueueState.LOADING:
            self._load_if_due(queue, transition=True)
        elif seen.became_ready and self._loads_when_ready and not snapshot.stats.is_active:
            automatic = automatic and self._transitions.load_on_startup
            queue = await self._changes.note(lambda q: q.on_ready(automatic))
            self._load_if_due(queue, transition=False)

    async def _on_job(self, change: JobChanged) -> None:
        match change.event:
            case JobEvent.STARTED:
                await self._on_started(change.snapshot, over=change.previous.is_active)
            case JobEvent.COMPLETED:
                await self._handed_over()
                queue = await self._note_end(Queue.on_completed, change.snapshot)
                self._load_if_due(queue, transition=True)
            case JobEvent.ERROR | JobEvent.CANCELLED | JobEvent.STANDBY:
                # Standby after a completed print says nothing new.
                if change.previous.is_active:
                    await self._changes.note(Queue.on_aborted)

    async def _on_started(self, snapshot: JobSnapshot, *, over: bool) -> None:
        filename, automatic = snapshot.stats.filename, self._transitions.automatic
        self._note_taken(snapshot)
        if self._step is None and self._handed is not None:
            # Klipper was busy when it was asked, and the link broke meanwhile.
            handed, self._handed = self._handed, None
            await self._changes.note(lambda q: q.settled(snapshot, automatic, handed), "job_loaded")
        await self._changes.note(lambda queue: queue.on_started(filename, over=over))

    def _note_taken(self, snapshot: JobSnapshot) -> None:
        for handing in self._handing:
            handing.is_taken = handing.is_taken or handing.filename == snapshot.stats.filename

    async def _note_end(self, rule: Rule, snapshot: JobSnapshot) -> Queue | None:
        """Apply `rule`, and tell when what the printer shows is the end of the last job."""
        is_emptied = False

        def noted(queue: Queue) -> Queue:
            nonlocal is_emptied
            is_emptied = queue.is_emptied(snapshot)
            return rule(queue)

        queue = await self._changes.note(noted)
        if queue is not None and is_emptied:
            for told in self._emptied:
                told()
        return queue

    async def _handed_over(self) -> None:
        """A tiny print can end before the printer's answer to its start was read."""
        queue = self._queue.believed
        is_starting = queue is not None and queue.state is QueueState.STARTING
        if is_starting and self._step is not None:
            await self._step.wait()

    async def _on_shutdown(self) -> None:
        self._delay.cancel()
        self._handed = None
        await self._changes.note(Queue.on_shutdown)

    # Loading

    def _load_if_due(self, queue: Queue | None, *, transition: bool) -> None:
        if queue is not None and queue.state is QueueState.LOADING:
            self._have_loaded(transition)

    def _look_again(self) -> None:
        """A client that ordered something is gone; it may be stored, and a load be due."""
        self._have_loaded(False)

    def _have_loaded(self, transition: bool) -> None:
        """Have the loader look at the queue, and load if the state says so."""
        if self._to_load is None:
            return
        try:
            self._to_load.send_nowait(transition)
        except trio.WouldBlock:
            logger.debug("a load of the job queue waits already")

    async def _load_jobs(self, loads: trio.MemoryReceiveChannel[bool]) -> None:
        async for transition in loads:
            if transition:
                with trio.CancelScope() as self._delay:
                    await trio.sleep(self._transitions.delay_s)
                if self._delay.cancelled_caught:
                    continue  # dropped; who starts the queue meanwhile has it looked at anew
            self._step = trio.Event()
            try:
                await self._load(transition)
            except ClientError as exc:
                logger.warning("no job is loaded: %s", exc.message)
                await self._changes.note(Queue.load_failed)
            finally:
                self._step.set()
                self._step = None

    async def _load(self, transition: bool) -> None:
        """Start the first job; raises `ClientError` when the printer refuses."""
        before = await self._look_before_load()
        if before is not None and transition and self._transitions.gcode:
            await self._gcode.run_gcode(self._transitions.gcode)
            before = await self._look_before_load()
        if before is None:
            return
        queue = await self._changes.make(lambda q: q.starting(before))
        if queue.state is not QueueState.STARTING:
            return
        job, automatic = queue.jobs[0], self._transitions.automatic
        logger.info("job queue: starting %s", job.filename)
        self._handed = job.job_id
        try:
            await self._gcode.start_print(job.filename, job.user)
        except KlippyLost:
            logger.warning("whether %s is printed is known when Klipper is back", job.filename)
            return
        except ClientError:
            self._handed = None
            raise
        self._handed = None
        await self._changes.make(
            lambda q: q.loaded(job.job_id, automatic), "job_loaded", happened=True
        )

    async def _look_before_load(self) -> PrintStats | None:
        """What the printer shows; None when nothing is to be loaded."""
        queue = await self.status()
        if queue.state is not QueueState.LOADING:
            return None
        if not queue.jobs:
            await self._changes.make(lambda q: q.emptied(self._transitions.automatic))
            return None
        stats = await self._job_state.query()
        if stats is None or stats.is_active:
            raise ClientError("the printer is not ready, or prints already", 503)
        return stats
