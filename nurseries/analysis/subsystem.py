"""Analysis of g-code as one part of the daemon: limits, plans and who asks for them.

`serve` runs the parts until cancelled. mrk plans files itself (`built-in`).
"""

from functools import partial
from typing import Any

import msgspec
import trio

from config.settings.analysis import AnalysisSettings
from mrk.api.endpoint import Endpoint
from mrk.errors import ClientError
from mrk.estimate.estimator_config import estimator_config
from mrk.estimate.record import Estimate
from mrk.klippy.klippy_protocols import KlippyFacts
from mrk.version import VERSION
from nurseries.analysis.config_files import ConfigFiles
from nurseries.analysis.endpoints import AnalysisEndpoints, AnalysisStatus, DumpedConfig
from nurseries.analysis.estimates import Estimates
from nurseries.analysis.limits_keeper import LimitsKeeper

BUILT_IN = "built-in"


class Analysis:
    """Answers server.analysis.*."""

    def __init__(
        self,
        settings: AnalysisSettings,
        keeper: LimitsKeeper,
        estimates: Estimates,
        files: ConfigFiles,
        klippy: KlippyFacts,
    ) -> None:
        self._settings = settings
        self._keeper = keeper
        self._estimates = estimates
        self._files = files
        self._klippy = klippy

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return AnalysisEndpoints(self).endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Limits first, then plans."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._keeper.serve, name="printer's limits")
            await nursery.start(self._estimates.serve, name="estimates")
            task_status.started()

    async def status(self) -> AnalysisStatus:
        """Which estimator there is."""
        name = self._settings.estimator_config
        config = self._files.place(name) if name else self._files.default
        exists = await trio.to_thread.run_sync(config.is_file)
        return AnalysisStatus(BUILT_IN, True, VERSION, exists, not name)

    async def estimate(self, filename: str, config: str | None) -> dict[str, Any]:
        """Times of a file, with another configuration if one is given or set."""
        config = config or self._settings.estimator_config
        if not config:
            found = await self._estimates.plan(filename)
        else:
            limits = await self._files.limits(config)
            found = (await self._estimates.plan_with(filename, limits)).estimate
        return await trio.to_thread.run_sync(partial(_shown, found))

    async def dump_config(self, dest: str | None) -> DumpedConfig:
        """Write the connected printer's limits as a configuration."""
        if self._klippy.klippy_state != "ready":
            raise ClientError("Klipper is not ready: its limits are not known", 504)
        path = self._files.default if dest is None else self._files.place(dest)
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
