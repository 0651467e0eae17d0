"""How far the print under way is on the clock of its plan, and what is left of it."""

import msgspec
import trio

from mrk.errors import ClientError
from mrk.estimate.print_position import QUESTION, PrintPosition, read_position
from mrk.jobs.job_protocols import JobStatePort
from mrk.klippy.klippy_protocols import KlippyPort
from nurseries.analysis.object_plans import ObjectPlans
from nurseries.analysis.start_times import StartTimes


class PlanProgress(msgspec.Struct, frozen=True):
    """How far the print under way is by its plan, in seconds; all null while nothing prints.

    `elapsed` is of the plan, not of the wall: heating, homing, macros and pauses are in neither.
    `progress` is from 0 to 1. `excluded_objects` are left out of the plan. `start_duration` is how
    long prints that begin like this one took to their first extrusion, beyond the plan; null while
    no such print is known. It is in no other time, nor is `start_duration_left`.
    """

    filename: str | None = None
    total_time: float | None = None
    elapsed: float | None = None
    time_left: float | None = None
    progress: float | None = None
    excluded_objects: list[str] = []
    start_duration: float | None = None
    start_duration_left: float | None = None


class PrintProgress:
    """Asks the printer each time."""

    def __init__(
        self,
        klippy: KlippyPort,
        job_state: JobStatePort,
        plans: ObjectPlans,
        start_times: StartTimes,
    ) -> None:
        self._klippy = klippy
        self._job_state = job_state
        self._plans = plans
        self.start_times = start_times

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow prints until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.start_times.serve, name="start times")
            await nursery.start(self._plans.serve, name="plans of the print")
            task_status.started()

    async def progress(self) -> PlanProgress:
        """Raises `ClientError` 400 and 500 for a file without a plan."""
        snapshot = self._job_state.snapshot
        if snapshot is None or not snapshot.stats.is_active:
            return PlanProgress()
        stats = snapshot.stats
        clock, excluded = await self._plans.clock(stats.filename)
        position = await self._position()
        total = clock.known.total_time
        done = clock.seconds_done(position)
        start = self.start_times.of(clock.known.start_commands)
        left = None
        if start is not None:
            begun = stats.print_duration > 0.0
            left = 0.0 if begun else max(0.0, start.seconds - stats.total_duration)
        return PlanProgress(
            stats.filename,
            total,
            done,
            total - done,
            done / total if total else 1.0,
            list(excluded),
            None if start is None else start.seconds,
            left,
        )

    async def _position(self) -> PrintPosition:
        try:
            return read_position(await self._klippy.call("objects/query", QUESTION))
        except ClientError:
            return PrintPosition()
