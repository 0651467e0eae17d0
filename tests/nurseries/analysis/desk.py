"""The analysis of files with a printer, an estimator and a job state that tests decide over."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from config.settings.analysis import AnalysisSettings
from mrk.errors import ClientError, MrkError
from mrk.estimate.estimate import Estimation
from mrk.estimate.estimate_protocols import EstimateFailed, Excluded, FileEstimate, TimedFile
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.schema import ESTIMATE_MIGRATIONS
from mrk.fanout import EventReader, Fanout
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot, JobStateEvent
from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.klippy.events import KlippyEvent, Ready
from mrk.status.update import StatusUpdate
from nurseries.analysis.config_files import ConfigFiles
from nurseries.analysis.estimates import Estimates
from nurseries.analysis.limits_keeper import LimitsKeeper
from nurseries.analysis.object_plans import ObjectPlans
from nurseries.analysis.processing import Processing
from nurseries.analysis.program import EstimatorProgram
from nurseries.analysis.progress import PrintProgress
from nurseries.analysis.shown_times import ShownTimes
from nurseries.analysis.start_times import StartTimes
from nurseries.analysis.subsystem import Analysis
from nurseries.files.scan.time_rewrite import write_times
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.no_klippy import NoKlippy

SETTINGS: dict[str, dict[str, Any]] = {
    "printer": {"kinematics": "cartesian", "max_velocity": 300.0, "max_accel": 3000.0},
    "extruder": {"nozzle_diameter": 0.4, "filament_diameter": 1.75},
}
LINE = b"G1 X60 F6000\n"  # 0.883 s with the start


class DeskKlippy(NoKlippy):
    """A printer that shows its settings."""

    def __init__(self) -> None:
        self.state = "ready"
        self.settings: Any = SETTINGS
        self.objects: dict[str, Any] = {}
        self._fanout: Fanout[KlippyEvent] = Fanout()

    @property
    def klippy_state(self) -> str:
        return self.state

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]:
        return self._fanout.open_reader(name, size, *kinds)

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        await trio.lowlevel.checkpoint()
        if self.settings is None:
            raise ClientError("no settings", 400)
        return {"status": {"configfile": {"settings": self.settings}, **self.objects}}

    async def subscribe(self, objects: Mapping[str, Collection[str] | None]) -> Mapping[str, Any]:
        await trio.lowlevel.checkpoint()
        return {}

    def status(self, name: str) -> Mapping[str, Any]:
        return self.objects.get(name, {})

    def become(self, name: str, **fields: Any) -> None:
        """An object changes."""
        self.objects[name] = self.objects.get(name, {}) | fields
        self._fanout.publish(StatusUpdate({name: fields}, 2.0), {name})

    def become_ready(self, settings: Any) -> None:
        self.state, self.settings = "ready", settings
        self._fanout.publish(Ready())


class DeskJobs:
    """`JobStatePort`, as far as estimates ask."""

    def __init__(self) -> None:
        self.stats = PrintStats()
        self._news: Fanout[JobStateEvent] = Fanout()

    @property
    def snapshot(self) -> JobSnapshot | None:
        return JobSnapshot(self.stats, 1.0)

    @property
    def is_active(self) -> bool:
        return self.stats.is_active

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[JobStateEvent]:
        return self._news.open_reader(name, size, *kinds)

    def become(self, **stats: Any) -> None:
        self.stats = PrintStats(**stats)
        self._news.publish(JobSeen(JobSnapshot(self.stats, 2.0)))

    def change(self, event: JobEvent, **stats: Any) -> None:
        before, self.stats = self.stats, PrintStats(**stats)
        self._news.publish(JobChanged(event, before, JobSnapshot(self.stats, 2.0)))


class DeskPrints:
    """`PastPrints`."""

    def __init__(self) -> None:
        self.known: dict[str, list[float]] = {}

    async def waits(self, filename: str, limit: int) -> list[float]:
        await trio.lowlevel.checkpoint()
        return self.known.get(filename, [])[-limit:]


class DeskEstimator:
    """`Estimator` in the same process; `broken` names fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.excluded: list[Excluded] = []
        # Set while it plans without objects; it goes on when that is cleared.
        self.holds: trio.Event | None = None
        self.given_up = 0
        self.broken: set[str] = set()
        self.while_planning: Callable[[], None] = lambda: None
        self.while_writing: Callable[[], None] = lambda: None

    async def estimate(
        self,
        path: Path,
        limits: PrinterLimits,
        limit_s: float,
        excluded: Excluded = Excluded(),  # noqa: B008
    ) -> FileEstimate:
        await trio.lowlevel.checkpoint()
        self.asked.append(path.name)
        if excluded.names:
            self.excluded.append(excluded)
            if self.holds is not None:
                try:
                    await self.holds.wait()
                except trio.Cancelled:
                    self.given_up += 1
                    raise
        self.while_planning()
        if path.name in self.broken:
            raise EstimateFailed("took longer than 600 s")
        names = frozenset(name.encode() for name in excluded.names)
        estimation = Estimation(limits, excluded=names, excluded_from=excluded.behind)
        estimation.feed(path.read_bytes())
        status = path.stat()
        return FileEstimate(estimation.finish(), status.st_size, status.st_mtime_ns)

    async def write_times(
        self, source: Path, target: Path, limits: PrinterLimits, limit_s: float
    ) -> TimedFile:
        await trio.lowlevel.checkpoint()
        if source.name in self.broken:
            raise EstimateFailed("took longer than 600 s")
        self.asked.append(f"write {source.name}")
        try:
            done = write_times(bytes(source), bytes(target), limits)
        except MrkError as exc:
            raise EstimateFailed(str(exc)) from exc
        self.while_writing()
        written = FileEstimate(done.estimate, done.new_size_bytes, done.new_mtime_ns)
        return TimedFile(done.sha256, done.size_bytes, done.mtime_ns, written)


class Readable:
    def may_read(self, path: Path) -> bool:
        return "secret" not in path.name


class Desk:
    """What outlives one run of the analysis."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.gcodes = data / "gcodes"
        self.config = data / "config"
        self.gcodes.mkdir()
        self.config.mkdir()
        self.klippy = DeskKlippy()
        self.jobs = DeskJobs()
        self.prints = DeskPrints()
        self.estimator = DeskEstimator()
        self.database = MemoryDatabase(ESTIMATE_MIGRATIONS)

    def add(self, name: str, text: bytes = LINE) -> Path:
        path = self.gcodes / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
        return path

    @asynccontextmanager
    async def open(self, **settings: Any) -> AsyncIterator["OpenDesk"]:
        analysis = OpenDesk(self, AnalysisSettings(**settings))
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                await nursery.start(analysis.analysis.serve)
                yield analysis
                nursery.cancel_scope.cancel()


class OpenDesk:
    """One run."""

    def __init__(self, desk: Desk, settings: AnalysisSettings) -> None:
        self.keeper = LimitsKeeper(desk.klippy, desk.database)
        self.estimates = Estimates(
            desk.gcodes,
            desk.estimator,
            self.keeper,
            desk.database,
            desk.jobs,  # type: ignore[arg-type]
            limit_s=settings.estimator_timeout_s,
            in_background=settings.estimate_files,
            pause_s=0.0,
        )
        start_times = StartTimes(desk.jobs, desk.database, desk.prints, self.estimates.known)  # type: ignore[arg-type]
        self.estimates.on_made = start_times.look_back
        plans = ObjectPlans(desk.klippy, desk.jobs, self.estimates, pause_s=0.0)  # type: ignore[arg-type]
        self.shown = ShownTimes(self.estimates, start_times, plans)
        files = ConfigFiles(desk.data, Readable())
        processing = Processing(
            desk.gcodes,
            desk.estimator,
            desk.database,
            desk.jobs,  # type: ignore[arg-type]
            limit_s=settings.estimator_timeout_s,
        )
        self.analysis = Analysis(
            settings,
            desk.gcodes,
            self.keeper,
            self.estimates,
            processing,
            EstimatorProgram(files.tools, settings.platform),
            files,
            desk.klippy,
            PrintProgress(
                desk.klippy,
                desk.jobs,  # type: ignore[arg-type]
                plans,
                start_times,
            ),
        )

    def time(self, path: Path) -> float | None:
        """What metadata of a file in gcodes shows."""
        name = str(path).partition("/gcodes/")[2]
        status = path.stat()
        return self.shown.estimated_time(name, status.st_size, status.st_mtime)

    def trouble(self, path: Path) -> str | None:
        """Why metadata says that it has no time."""
        status = path.stat()
        return self.shown.trouble(path.name, status.st_size, status.st_mtime)

    async def soon(self, path: Path) -> float:
        """The time once it is planned in the background."""
        for _ in range(1000):
            if (found := self.time(path)) is not None:
                return found
            await trio.sleep(0.01)
        raise AssertionError(f"{path} is not planned")
