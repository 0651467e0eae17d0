"""server.analysis.*: what clients may ask of print times."""

from typing import Any, Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post


class EstimateParams(msgspec.Struct, frozen=True):
    """A g-code file, relative to the gcodes root; a configuration, relative to the config root."""

    filename: str
    estimator_config: str | None = None


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


class DumpedConfig(msgspec.Struct, frozen=True):
    """`dest_root` is null when the default file was written."""

    dest_root: str | None
    dest_config_path: str
    klipper_estimator_config: dict[str, Any]


class AnalysisCalls(Protocol):
    """Who answers."""

    async def status(self) -> AnalysisStatus: ...

    async def estimate(self, filename: str, config: str | None) -> dict[str, Any]: ...

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

    async def dump_config(self, params: DumpParams, _caller: Caller) -> DumpedConfig:
        """Raises `ClientError` 400, 500 and 504."""
        return await self._calls.dump_config(params.dest_config)
