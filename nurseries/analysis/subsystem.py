"""Analysis of g-code as one part of the daemon: limits, plans and who asks for them.

`serve` runs the parts until cancelled. mrk plans files itself (`built-in`), unless the program
klipper_estimator is wanted and there.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import trio

from config.settings.analysis import AnalysisSettings
from mrk.api.endpoint import Endpoint
from mrk.errors import ClientError
from mrk.estimate.estimator_config import estimator_config
from mrk.estimate.record import Estimate
from mrk.files.paths import safe_parts
from mrk.klippy.klippy_protocols import KlippyFacts
from mrk.version import VERSION
from nurseries.analysis.config_files import THREADS, ConfigFiles
from nurseries.analysis.endpoints import (
    AnalysisEndpoints,
    AnalysisStatus,
    DumpedConfig,
    Processed,
)
from nurseries.analysis.estimates import Estimates
from nurseries.analysis.limits_keeper import LimitsKeeper
from nurseries.analysis.processing import Processing
from nurseries.analysis.program import EstimatorProgram
from nurseries.analysis.progress import PlanProgress, PrintProgress

logger = logging.getLogger(__name__)
BUILT_IN = "built-in"


class Analysis:
    """Answers server.analysis.*."""

    def __init__(
        self,
        settings: AnalysisSettings,
        gcodes: Path,
        keeper: LimitsKeeper,
        estimates: Estimates,
        processing: Processing,
        program: EstimatorProgram,
        files: ConfigFiles,
        klippy: KlippyFacts,
        progress: PrintProgress,
    ) -> None:
        self._settings = settings
        self._gcodes = gcodes
        self._keeper = keeper
        self._estimates = estimates
        self._processing = processing
        self._program = program
        self._files = files
        self._klippy = klippy
        self._progress = progress
        self._ready = trio.Event()
        self._running = trio.Lock()
        self._threads = trio.CapacityLimiter(THREADS)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return AnalysisEndpoints(self).endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The program first, then limits, then plans."""
        if self._settings.estimator != BUILT_IN:
            await self._program.look()
        self._keeper.on_ready = self._klipper_ready
        if self._settings.enable_auto_analysis:
            self._estimates.prepare = self._process_new
        async with trio.open_nursery() as nursery:
            await nursery.start(self._keeper.serve, name="printer's limits")
            await nursery.start(self._estimates.serve, name="estimates")
            await nursery.start(self._progress.serve, name="progress of prints")
            nursery.start_soon(self._dump_when_ready, name="default configuration")
            task_status.started()

    # The configuration that is dumped by itself

    def _klipper_ready(self) -> None:
        self._ready.set()

    async def _dump_when_ready(self) -> None:
        while True:
            await self._ready.wait()
            self._ready = trio.Event()
            there = await trio.to_thread.run_sync(
                self._files.default.is_file, limiter=self._threads
            )
            wanted = self._settings.auto_dump_default_config or (self._uses_program and not there)
            if wanted:
                try:
                    await self.dump_config(None)
                except ClientError as exc:
                    logger.warning("no default configuration: %s", exc.message)

    # Calls

    @property
    def _uses_program(self) -> bool:
        wanted = self._settings.estimator
        return wanted == "klipper_estimator" or (
            wanted == "auto" and self._program.version is not None
        )

    async def status(self) -> AnalysisStatus:
        """Which estimator there is."""
        name = self._settings.estimator_config
        config = self._files.place(name) if name else self._files.default
        exists = await trio.to_thread.run_sync(config.is_file, limiter=self._threads)
        if not self._uses_program:
            return AnalysisStatus(BUILT_IN, True, f"v{VERSION}", exists, not name)
        version = self._program.version
        return AnalysisStatus(
            self._program.name, version is not None, version or "?", exists, not name
        )

    async def estimate(self, filename: str, config: str | None) -> dict[str, Any]:
        """Times of a file, with another configuration if one is given or set."""
        config = config or self._settings.estimator_config
        if self._uses_program:
            shown = await self._estimate_by_program(filename, config)
            commands = self._estimates.start_commands(filename)
        else:
            found = await self._plan(filename, config)
            shown = await trio.to_thread.run_sync(partial(_shown, found))
            commands = " ".join(found.start_commands)
        start = self._progress.start_times.of(commands)
        shown["start_duration"] = None if start is None else start.seconds
        shown["start_prints"] = 0 if start is None else start.prints
        return shown

    async def _plan(self, filename: str, config: str) -> Estimate:
        if not config:
            return await self._estimates.plan(filename)
        limits = await self._files.limits(config)
        return (await self._estimates.plan_with(filename, limits)).estimate

    async def _estimate_by_program(self, filename: str, config: str) -> dict[str, Any]:
        path = await self._config_of_program(config)
        await self._processing.done_by(filename)  # whether the file is there
        async with self._running:
            file = self._gcodes.joinpath(*safe_parts(filename))
            return await self._program.estimate(file, path, self._settings.estimator_timeout_s)

    async def process(self, filename: str, config: str | None, force: bool) -> Processed:
        """Write times into a file, unless that was done before."""
        config = config or self._settings.estimator_config
        program = self._uses_program
        before = await self._processing.done_by(filename)
        if before is not None and not force:
            return Processed(True, before, True, *await self._uploaded(filename))
        if program:
            path = await self._config_of_program(config)
            async with self._running:
                await self._processing.process_by(self._program, filename, path, before)
        else:
            limits = await self._files.limits(config) if config else self._keeper.limits
            written = await self._processing.process(filename, limits, before)
            if not config:
                await self._estimates.keep(filename, written, limits.fingerprint())
        version = (self._program.version or "?") if program else f"v{VERSION}"
        uploaded = await self._uploaded(filename)
        return Processed(before is not None, version, False, *uploaded)

    async def _process_new(self, filename: str) -> None:
        """A file came in: write its times into it. Raises `ClientError`."""
        await self.process(filename, None, force=False)

    async def _uploaded(self, filename: str) -> tuple[str | None, int | None]:
        return await self._processing.uploaded_as(filename) or (None, None)

    async def _config_of_program(self, name: str | None) -> Path:
        """Raises `ClientError` 400 without a program or a configuration."""
        if self._program.version is None:
            raise ClientError(f"The estimator {self._program.name} is not available")
        if name:
            return await self._files.find(name)
        if not await trio.to_thread.run_sync(self._files.default.is_file, limiter=self._threads):
            raise ClientError("There is no default configuration until Klipper was ready once")
        return self._files.default

    async def progress(self) -> PlanProgress:
        """`PrintProgress.progress`."""
        return await self._progress.progress()

    async def dump_config(self, dest: str | None) -> DumpedConfig:
        """Write the connected printer's limits as a configuration."""
        if self._klippy.klippy_state != "ready":
            raise ClientError("Klipper is not ready: its limits are not known", 504)
        path = self._files.default
        if dest is not None:
            path = await trio.to_thread.run_sync(self._files.target, dest, limiter=self._threads)
        config = estimator_config(self._keeper.limits)
        await self._files.write(path, config)
        if dest is None:
            return DumpedConfig(None, path.name, config)
        return DumpedConfig("config", dest.strip("/"), config)


def _shown(found: Estimate) -> dict[str, Any]:
    """An estimate as clients get it: without the clock of the plan."""
    fields: dict[str, Any] = msgspec.to_builtins(found, str_keys=True)
    del fields["marks"]
    return fields
