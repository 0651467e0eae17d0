"""Plans of files: made in the background, kept in the database, times held in memory.

`serve` plans what somebody has looked at and what has no plan yet, one file at a time, while
nothing prints; who needs a plan now asks for it. A plan holds until the file or the printer's
limits change; until there is a new one its time is shown on.
"""

import logging
import stat
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
import trio

from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError, Transient
from mrk.estimate.estimate_protocols import (
    EstimateFailed,
    Estimator,
    Excluded,
    FileEstimate,
)
from mrk.estimate.print_position import PrintPosition
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate, refused_lines
from mrk.estimate.segments import Mark
from mrk.files.paths import safe_parts
from mrk.jobs.events import JobChanged, JobSeen, PrinterGone
from mrk.jobs.job_protocols import JobStatePort
from nurseries.analysis import plan_store
from nurseries.analysis.config_files import THREADS
from nurseries.analysis.limits_keeper import LimitsKeeper
from nurseries.analysis.plan_store import KnownTime

logger = logging.getLogger(__name__)
# Files that wait to be planned; the ones behind them are when they are looked at again.
WAITING_LIMIT = 5000
EVENTS = 64
PAUSE_S = 2.0  # before background work begins, so that what comes together is planned together


class FileClock(msgspec.Struct, frozen=True):
    """What is held of a plan to tell how far a print is."""

    path: str
    known: KnownTime
    marks: list[Mark]

    def seconds_done(self, position: PrintPosition) -> float:
        """How far a print is on it."""
        known = self.known
        return position.seconds_done(self.marks, known.total_time, known.size_bytes)


async def _nobody(_path: str, _known: KnownTime) -> None:
    await trio.lowlevel.checkpoint()


class Estimates:
    """Plans and their times; implements `FileFollower`."""

    def __init__(
        self,
        gcodes: Path,
        estimator: Estimator,
        keeper: LimitsKeeper,
        database: TablesPort,
        job_state: JobStatePort,
        *,
        limit_s: float,
        in_background: bool,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._gcodes = gcodes
        self._estimator = estimator
        self._keeper = keeper
        self._database = database
        self._job_state = job_state
        self._limit_s = limit_s
        self._in_background = in_background
        self._pause_s = pause_s
        self._known: dict[str, KnownTime] = {}
        # Files that cannot be planned, as they were then under the limits of then.
        self._failed: dict[str, tuple[KnownTime, str]] = {}
        self._waiting: dict[str, None] = {}
        self._work = trio.Event()
        # Called with each file before it is planned in the background, and may plan it; may raise
        # `ClientError`.
        self.prepare: Callable[[str], Awaitable[None]] | None = None
        # Called with each new plan.
        self.on_made: Callable[[str, KnownTime], Awaitable[None]] = _nobody
        self._planning = trio.Lock()
        self._threads = trio.CapacityLimiter(THREADS)
        self._clock: FileClock | None = None

    # What is known

    def estimated_time(self, path: str, size_bytes: int, modified: float) -> float | None:
        """`FileTimes.estimated_time`."""
        known = self._known.get(path)
        if known is None or not known.holds(size_bytes, modified, self._keeper.fingerprint):
            self._want(path, size_bytes, modified)
        if known is None or not known.is_of(size_bytes, modified):
            return None
        return known.total_time

    def start_commands(self, path: str) -> str:
        """What a file that was planned begins with; empty where that is not known."""
        known = self._known.get(path)
        return "" if known is None else known.start_commands

    def trouble(self, path: str, size_bytes: int, modified: float) -> str | None:
        """Why a file has no time, or what is not in it."""
        if (reason := self._failure(path, size_bytes, modified)) is not None:
            return f"no print time: {reason}"
        known = self._known.get(path)
        if known is None or not known.bad_lines or not known.is_of(size_bytes, modified):
            return None
        return f"{refused_lines(known.bad_lines)}: not in the print time"

    def _failure(self, path: str, size_bytes: int, modified: float) -> str | None:
        """Why a file as it is was not planned under the limits there are."""
        tried, reason = self._failed.get(path, (None, ""))
        fingerprint = self._keeper.fingerprint
        return reason if tried and tried.holds(size_bytes, modified, fingerprint) else None

    def _want(self, path: str, size_bytes: int, modified: float) -> None:
        """Have a file planned when there is time for it."""
        if (
            self._in_background
            and self._failure(path, size_bytes, modified) is None
            and len(self._waiting) < WAITING_LIMIT
        ):
            self._waiting[path] = None
            self._work.set()

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the stored times are known. Raises `Transient` without a database."""
        try:
            self._known = await self._database.run(plan_store.read_times)
        except ClientError as exc:
            raise Transient(f"print times are not known: {exc.message}") from exc
        kinds = (JobSeen, JobChanged, PrinterGone)
        with self._job_state.open_events("analysis", EVENTS, *kinds) as news:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._plan_in_background, name="background estimates")
                task_status.started()
                async for _ in news:
                    self._work.set()

    async def _plan_in_background(self) -> None:
        await trio.sleep(self._pause_s)
        await self._forget_gone()
        while True:
            await self._work.wait()
            await trio.sleep(self._pause_s)
            self._work = trio.Event()
            while self._waiting and not self._job_state.is_active:
                path = next(reversed(self._waiting))  # what was looked at last
                del self._waiting[path]
                await self._plan_one(path)

    async def _plan_one(self, path: str) -> None:
        if self.prepare is not None:
            try:
                await self.prepare(path)
            except ClientError as exc:
                logger.info("no times are written into %s: %s", path, exc.message)
        try:
            await self.known(path)
        except ClientError as exc:
            logger.info("%s has no print time: %s", path, exc.message)

    async def _forget_gone(self) -> None:
        """Of files that were removed while nobody watched."""
        names = list(self._known)
        there = await trio.to_thread.run_sync(
            lambda: [self._gcodes.joinpath(*safe_parts(name)).exists() for name in names],
            limiter=self._threads,
        )
        gone = [name for name, exists in zip(names, there, strict=True) if not exists]
        for name in gone:
            self._known.pop(name, None)
        await self._change(partial(plan_store.forget, paths=gone))

    # Plans

    async def plan(self, path: str) -> Estimate:
        """The plan of a file as it is, under the limits there are; raises `ClientError`."""
        return (await self._find(path))[1]

    async def known(self, path: str) -> KnownTime:
        """What is held of a file's plan, which is made if there is none; raises `ClientError`."""
        known = self._holding(path, await self._status(path))
        return known if known is not None else (await self._find(path))[0]

    async def clock(self, path: str) -> FileClock:
        """The clock of a file's plan; the last one is held. Raises `ClientError`."""
        status = await self._status(path)
        clock = self._clock
        if (
            clock is None
            or clock.path != path
            or not clock.known.holds(*status, self._keeper.fingerprint)
        ):
            known, plan = await self._find(path)
            clock = self._clock = FileClock(path, known, plan.marks)
        return clock

    async def clock_if_known(self, path: str) -> FileClock | None:
        """`clock` where there is a plan, which is not made; raises `ClientError`."""
        known = self._holding(path, await self._status(path))
        return None if known is None else await self.clock(path)

    async def clock_without(self, path: str, excluded: Excluded) -> FileClock:
        """The clock of a plan without some objects, which is not kept; raises `ClientError`."""
        found = await self.plan_with(path, self._keeper.limits, excluded)
        known = plan_store.known_time(found, self._keeper.fingerprint)
        return FileClock(path, known, found.estimate.marks)

    def _holding(self, path: str, status: tuple[int, float]) -> KnownTime | None:
        """What is held of a file, if that is its plan as it is, under the limits there are."""
        known = self._known.get(path)
        holds = known is not None and known.holds(*status, self._keeper.fingerprint)
        return known if holds else None

    async def _find(self, path: str) -> tuple[KnownTime, Estimate]:
        async with self._planning:  # who asks twice for one file finds the first plan
            status = await self._status(path)
            known = self._holding(path, status)
            if known is not None:
                stored = await self._database.run(partial(plan_store.read_estimate, path=path))
                if stored is not None:
                    return known, stored
            found = await self._make(path, status)
        await self.on_made(path, found[0])
        return found

    async def plan_with(
        self,
        path: str,
        limits: PrinterLimits,
        excluded: Excluded = Excluded(),  # noqa: B008
    ) -> FileEstimate:
        """A plan under other limits or without some objects, not kept; raises `ClientError`."""
        async with self._planning:
            await self._status(path)
            try:
                return await self._estimate(path, limits, excluded)
            except EstimateFailed as exc:
                raise _refusal(path, exc) from exc

    async def _make(self, path: str, status: tuple[int, float]) -> tuple[KnownTime, Estimate]:
        limits, fingerprint = self._keeper.limits, self._keeper.fingerprint
        try:
            found = await self._estimate(path, limits, Excluded())
        except EstimateFailed as exc:
            self._waiting.pop(path, None)  # who looked at it meanwhile has his answer too
            self._failed[path] = (KnownTime(fingerprint, *status, 0.0), str(exc))
            raise _refusal(path, exc) from exc
        return await self.keep(path, found, fingerprint), found.estimate

    async def keep(self, path: str, found: FileEstimate, fingerprint: str) -> KnownTime:
        """A plan was made, under the limits with that fingerprint."""
        known = plan_store.known_time(found, fingerprint)
        packed = await trio.to_thread.run_sync(plan_store.pack, found)
        self._known[path] = known
        self._waiting.pop(path, None)
        self._failed.pop(path, None)
        try:
            await self._database.run(
                partial(plan_store.write_plan, path=path, known=known, packed=packed)
            )
        except ClientError as exc:
            logger.warning("the plan of %s is not stored: %s", path, exc.message)
        return known

    async def _estimate(self, path: str, limits: PrinterLimits, excluded: Excluded) -> FileEstimate:
        file = self._gcodes.joinpath(*safe_parts(path))
        return await self._estimator.estimate(file, limits, self._limit_s, excluded)

    async def _status(self, path: str) -> tuple[int, float]:
        file = self._gcodes.joinpath(*safe_parts(path))
        try:
            status = await trio.to_thread.run_sync(file.stat, limiter=self._threads)
        except (OSError, ValueError) as exc:
            raise ClientError(f"File '{path}' does not exist") from exc
        if not stat.S_ISREG(status.st_mode):
            raise ClientError(f"File '{path}' does not exist")
        return status.st_size, status.st_mtime

    # What becomes of files

    async def on_file_removed(self, path: str) -> None:
        """A file, or a folder with all that is in it, is gone."""
        gone = self._below(path)
        for name in gone:
            del self._known[name]
        await self._change(partial(plan_store.forget, paths=gone))

    async def on_file_moved(self, source: str, dest: str) -> None:
        """A file, or a folder with all that is in it, was renamed."""
        moved = {name: dest + name[len(source) :] for name in self._below(source)}
        for old, new in moved.items():
            self._known[new] = self._known.pop(old)
        await self._change(partial(plan_store.rename, moved=moved))

    def _below(self, path: str) -> list[str]:
        self._failed.pop(path, None)
        self._waiting.pop(path, None)
        return [name for name in self._known if name == path or name.startswith(path + "/")]

    async def _change(self, change: "partial[None]") -> None:
        if not any(change.keywords.values()):
            return
        try:
            await self._database.run(change)
        except ClientError as exc:
            logger.warning("plans are not stored: %s", exc.message)


def _refusal(path: str, failed: EstimateFailed) -> ClientError:
    return ClientError(f"{path} cannot be estimated: {failed}", 500)
