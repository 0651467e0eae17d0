"""server.analysis.*: what clients may ask of print times."""

from typing import Any, Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.files.roots import CONFIG, write_role
from nurseries.analysis.progress import PlanProgress


class EstimateParams(msgspec.Struct, frozen=True):
    """A g-code file, relative to the gcodes root; a configuration, relative to the config root."""

    filename: str
    estimator_config: str | None = None


class ProcessParams(msgspec.Struct, frozen=True):
    """As `EstimateParams`; `force` writes the times again."""

    filename: str
    estimator_config: str | None = None
    force: bool = False


class DumpParams(msgspec.Struct, frozen=True):
    """Where to write it, relative to the config root; the private default file when absent."""

    dest_config: str | None = None


class AnalysisStatus(msgspec.Struct, frozen=True):
    """The estimator in use; `estimator_version` is ? until it is known."""

    estimator_executable: str
    estimator_ready: bool
    estimator_version: str
    estimator_config_exists: bool
    using_default_config: bool


class Processed(msgspec.Struct, frozen=True):
    """`bypassed`: the file was left as it is, and `version` is of who wrote its times.

    `uploaded_sha256` and `uploaded_size` are of the file as it was before; null if that is not
    known.
    """

    prev_processed: bool
    version: str
    bypassed: bool
    uploaded_sha256: str | None
    uploaded_size: int | None


class DumpedConfig(msgspec.Struct, frozen=True):
    """`dest_root` is null when the default file was written."""

    dest_root: str | None
    dest_config_path: str
    klipper_estimator_config: dict[str, Any]


class AnalysisCalls(Protocol):
    """Who answers."""

    async def status(self) -> AnalysisStatus: ...

    async def estimate(self, filename: str, config: str | None) -> dict[str, Any]: ...

    async def process(self, filename: str, config: str | None, force: bool) -> Processed: ...

    async def progress(self) -> PlanProgress: ...

    async def dump_config(self, dest: str | None) -> DumpedConfig: ...


class AnalysisEndpoints:
    """The declarations."""

    def __init__(self, calls: AnalysisCalls) -> None:
        self._calls = calls

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        base = "/server/analysis"
        return [
            get(
                f"{base}/status",
                self.status,
                "Which estimator is used, and with which configuration.",
                Access.VIEW,
                result=AnalysisStatus,
            ),
            post(
                f"{base}/estimate",
                self.estimate,
                "Estimate the print time of one g-code file.",
                Access.OPERATE,
                EstimateParams,
            ),
            post(
                f"{base}/process",
                self.process,
                "Write the time of one g-code file into it.",
                Access.OPERATE,
                ProcessParams,
                Processed,
            ),
            get(
                f"{base}/progress",
                self.progress,
                "How far the print under way is by Klipper's own time.",
                Access.VIEW,
                result=PlanProgress,
            ),
            post(
                f"{base}/dump_config",
                self.dump_config,
                "Write an estimator configuration from the printer's limits.",
                Access.OPERATE,
                DumpParams,
                DumpedConfig,
            ),
        ]

    async def status(self, _params: NoParams, _caller: Caller) -> AnalysisStatus:
        """`AnalysisCalls.status`."""
        return await self._calls.status()

    async def estimate(self, params: EstimateParams, _caller: Caller) -> dict[str, Any]:
        """Raises `ClientError` 400 and 500."""
        return await self._calls.estimate(params.filename.strip("/"), params.estimator_config)

    async def process(self, params: ProcessParams, _caller: Caller) -> Processed:
        """Raises `ClientError` 400, 403 and 500."""
        filename = params.filename.strip("/")
        return await self._calls.process(filename, params.estimator_config, params.force)

    async def progress(self, _params: NoParams, _caller: Caller) -> PlanProgress:
        """Raises `ClientError` 400 and 500 for a file without a plan."""
        return await self._calls.progress()

    async def dump_config(self, params: DumpParams, caller: Caller) -> DumpedConfig:
        """Raises `ClientError` 400, 403, 500 and 504."""
        if params.dest_config is not None:
            caller.require(write_role(CONFIG), f"Changing files in {CONFIG}")
        return await self._calls.dump_config(params.dest_config)
