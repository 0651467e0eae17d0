"""The plan of the print under way without its excluded objects, made anew when there are more.

`serve` follows `exclude_object` until cancelled. A plan is made in the estimator's worker, one at a
time; when the print ends or something else is excluded, the one that is being made is given up.
Until it is there the plan with all objects is shown on.
"""

import logging
from collections.abc import Mapping

import msgspec
import trio

from mrk.errors import ClientError
from mrk.estimate.estimate_protocols import Excluded
from mrk.estimate.print_position import (
    QUESTION,
    PrintPosition,
    excluded_names,
    planned_names,
    read_position,
)
from mrk.jobs.events import JobChanged, JobSeen, PrinterGone
from mrk.jobs.job_protocols import JobStatePort
from mrk.klippy.events import Disconnected, Ready
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.status.update import StatusUpdate
from nurseries.analysis.estimates import Estimates, FileClock

logger = logging.getLogger(__name__)
EVENTS = 1024
JOB_EVENTS = 64
OBJECTS: Mapping[str, tuple[str, ...]] = {"exclude_object": ("excluded_objects",)}
PAUSE_S = 1.0  # so that what is excluded together is planned once


class _Wanted(msgspec.Struct, frozen=True):
    """A print, and what is left out of it."""

    filename: str
    names: tuple[str, ...]

    def is_part_of(self, other: "_Wanted | None") -> bool:
        """Whether `other` is the same print and leaves out at least as much."""
        if other is None or other.filename != self.filename:
            return False
        return set(self.names) <= set(other.names)


class ObjectPlans:
    """`clock` is of the newest plan of the print under way, which is held while it lasts."""

    def __init__(
        self,
        klippy: KlippyPort,
        job_state: JobStatePort,
        estimates: Estimates,
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._klippy = klippy
        self._job_state = job_state
        self._estimates = estimates
        self._pause_s = pause_s
        self._names: tuple[str, ...] = ()
        self._made: tuple[_Wanted, FileClock] | None = None
        self._whole: FileClock | None = None  # of the plan with all objects
        self._changed = trio.Event()
        self._planning: tuple[_Wanted, trio.CancelScope] | None = None

    async def clock(self, filename: str) -> tuple[FileClock, tuple[str, ...]]:
        """Of the plan there is, and which objects it leaves out; raises `ClientError`."""
        if self._made is not None and self._made[0].filename == filename:
            wanted, clock = self._made
            return clock, wanted.names
        self._whole = await self._estimates.clock(filename)
        return self._whole, ()

    def time_left(self, filename: str, position: PrintPosition) -> float | None:
        """Seconds left of the print under way, from memory; None while its plan is not known."""
        clock = self._made[1] if self._made is not None else self._whole
        if clock is None or clock.path != filename:
            return None
        return clock.known.total_time - clock.seconds_done(position)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when it listens."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._follow_objects, name="excluded objects")
            await nursery.start(self._follow_jobs, name="jobs with excluded objects")
            nursery.start_soon(self._plan, name="plans without excluded objects")
            task_status.started()

    async def _follow_objects(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        kinds = (Ready, Disconnected, StatusUpdate)
        with self._klippy.open_events("excluded objects", EVENTS, *kinds) as events:
            events.only_about(OBJECTS)
            task_status.started()
            if self._klippy.klippy_state == "ready":
                await self._subscribe()
            async for event in events:
                match event:
                    case Ready():
                        await self._subscribe()
                    case Disconnected():
                        self._set(())
                    case StatusUpdate() as update:
                        self._set(excluded_names(update.fields("exclude_object") or {}))

    async def _subscribe(self) -> None:
        try:
            await self._klippy.subscribe(OBJECTS)
        except ClientError as exc:
            logger.info("excluded objects are not known: %s", exc.message)
            return
        self._set(excluded_names(self._klippy.status("exclude_object")) or ())

    def _set(self, names: tuple[str, ...] | None) -> None:
        if names is not None and names != self._names:
            self._names = names
            self._note_change()

    async def _follow_jobs(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        kinds = (JobSeen, JobChanged, PrinterGone)
        with self._job_state.open_events("object plans", JOB_EVENTS, *kinds) as events:
            task_status.started()
            async for _ in events:
                self._note_change()

    def _wanted(self) -> _Wanted | None:
        """What is to be planned; None while nothing prints or nothing is left out."""
        filename = self._printed()
        return _Wanted(filename, self._names) if filename is not None and self._names else None

    def _printed(self) -> str | None:
        snapshot = self._job_state.snapshot
        return snapshot.stats.filename if snapshot and snapshot.stats.is_active else None

    def _note_change(self) -> None:
        if not self._job_state.is_active:
            self._whole = None  # the next print may be of another file by that name
        wanted = self._wanted()
        if self._made is not None and not self._made[0].is_part_of(wanted):
            # Fewer objects, or another print: the plan with all of them is nearer.
            self._made = None
        if self._planning is not None and self._planning[0] != wanted:
            self._planning[1].cancel()
        self._changed.set()

    async def _plan(self) -> None:
        while True:
            await self._changed.wait()
            await trio.sleep(self._pause_s)
            self._changed = trio.Event()
            await self._hold_plan()
            wanted = self._wanted()
            if wanted is None or (self._made is not None and self._made[0] == wanted):
                continue
            with trio.CancelScope() as scope:
                self._planning = (wanted, scope)
                try:
                    self._made = (wanted, await self._plan_without(wanted))
                except ClientError as exc:
                    logger.info("time left with excluded objects: %s", exc.message)
                finally:
                    self._planning = None

    async def _hold_plan(self) -> None:
        """Of a print that has begun, as far as there is one."""
        filename = self._printed()
        if self._whole is not None and self._whole.path != filename:
            self._whole = None
        if filename and self._whole is None:
            try:
                self._whole = await self._estimates.clock_if_known(filename)
            except ClientError as exc:
                logger.info("the plan of %s is not known: %s", filename, exc.message)

    async def _plan_without(self, wanted: _Wanted) -> FileClock:
        answer = await self._klippy.call("objects/query", QUESTION)
        whole = await self._estimates.plan(wanted.filename)
        names = planned_names(whole.object_times, wanted.names)
        excluded = Excluded(names, read_position(answer).file_position)
        return await self._estimates.clock_without(wanted.filename, excluded)
