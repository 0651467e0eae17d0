"""Endpoints about the daemon itself: server.info, server.config, server.restart, server.nurseries.

Owns no task. The root hands in what it knows through `ServerFacts`; a restart is only asked for
here, the root carries it out.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.clients.registry import Clients
from mrk.klippy.klippy_protocols import KlippyFacts
from mrk.machine.lag import LagHistogram, LagMs
from mrk.supervision import Supervision, SupervisionState
from mrk.version import API_VERSION, MOONRAKER_VERSION

_API_VERSION_STRING = ".".join(map(str, API_VERSION))


class ServerInfoParams(msgspec.Struct, frozen=True):
    """`raw` keeps newlines in warnings instead of turning each into `<br/>`."""

    raw: bool = False


class ServerInfo(msgspec.Struct, frozen=True):
    """The answer of server.info."""

    klippy_connected: bool
    klippy_state: str
    components: list[str]
    failed_components: list[str]
    registered_directories: list[str]
    warnings: list[str]
    websocket_count: int
    moonraker_version: str
    missing_klippy_requirements: list[str]
    api_version: tuple[int, int, int]
    api_version_string: str


class NurseryNode(msgspec.Struct, frozen=True):
    """One supervised service: `since` is Unix time, `children` run inside it and die before it."""

    name: str
    essential: bool
    state: str
    since: float
    restarts: int
    last_error: str | None
    children: list["NurseryNode"]


class NurseriesInfo(msgspec.Struct, frozen=True):
    """The answer of server.nurseries: generations count from 1, lag is in milliseconds."""

    generation: int
    loop_lag_ms: LagMs
    loop_lag_histogram: LagHistogram
    nurseries: list[NurseryNode]


class ConfigAnswer(msgspec.Struct, frozen=True):
    """The answer of server.config: as read, as written, and where."""

    config: dict[str, dict[str, Any]]
    orig: dict[str, dict[str, str]]
    files: list[dict[str, Any]]


class Troubles(msgspec.Struct, frozen=True):
    """What does not work: `failed_components` crashed and do not run now; `warnings` for people."""

    failed_components: list[str]
    warnings: list[str]
    # The same with `<br/>` for each newline.
    html_warnings: list[str]


class ServerFacts(Protocol):
    """What the root knows and clients may ask."""

    @property
    def generation(self) -> int: ...
    @property
    def supervisions(self) -> list[Supervision]: ...
    @property
    def components(self) -> list[str]: ...
    @property
    def registered_directories(self) -> list[str]: ...
    def troubles(self) -> Troubles: ...
    @property
    def config_answer(self) -> ConfigAnswer: ...
    def loop_lag_ms(self) -> LagMs: ...
    def loop_lag_histogram(self) -> LagHistogram: ...


def failed_components(crashed: list[Supervision]) -> list[str]:
    """Names of optional components that crashed and do not run now."""
    return [one.name for one in crashed if one.state is not SupervisionState.RUNNING]


def absences(supervisions: Iterable[Supervision]) -> list[str]:
    """Optional components that wait for something outside, each with what it said last."""
    found = []
    for one in supervisions:
        tried = (
            one.state in (SupervisionState.WAITING, SupervisionState.STARTING) and not one.essential
        )
        if tried and not one.crashed and one.last_error is not None:
            found.append(f"{one.name}: {one.last_error}")
    return found


class Server:
    """The daemon as its clients see it."""

    def __init__(
        self,
        facts: ServerFacts,
        klippy: KlippyFacts,
        clients: Clients,
        request_restart: Callable[[], None],
    ) -> None:
        self._facts = facts
        self._klippy = klippy
        self._clients = clients
        self._request_restart = request_restart

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/server/info",
                self.info,
                "State of the daemon and of its link to Klipper.",
                Access.VIEW,
                ServerInfoParams,
                ServerInfo,
            ),
            get(
                "/server/config",
                self.config,
                "The configuration: as read with defaults, as written, and in which files.",
                Access.VIEW,
                result=ConfigAnswer,
            ),
            post(
                "/server/restart",
                self.restart,
                "Read the configuration again and begin a new generation.",
                Access.ADMIN,
                result=str,
            ),
            get(
                "/server/nurseries",
                self.nurseries,
                "The tree of what runs, its restarts and last errors, and the event loop's lag.",
                Access.VIEW,
                result=NurseriesInfo,
            ),
        ]

    def info(self, params: ServerInfoParams, _caller: Caller) -> ServerInfo:
        """Always answers, linked or not."""
        troubles = self._facts.troubles()
        return ServerInfo(
            klippy_connected=self._klippy.klippy_connected,
            klippy_state=self._klippy.klippy_state,
            components=self._facts.components,
            failed_components=troubles.failed_components,
            registered_directories=self._facts.registered_directories,
            warnings=troubles.warnings if params.raw else troubles.html_warnings,
            websocket_count=len(self._clients),
            moonraker_version=MOONRAKER_VERSION,
            missing_klippy_requirements=self._klippy.missing_klippy_requirements,
            api_version=API_VERSION,
            api_version_string=_API_VERSION_STRING,
        )

    def config(self, _params: NoParams, _caller: Caller) -> ConfigAnswer:
        """As loaded by this generation."""
        return self._facts.config_answer

    def restart(self, _params: NoParams, _caller: Caller) -> str:
        """The answer leaves first; then every connection ends, without a close frame."""
        self._request_restart()
        return "ok"

    def nurseries(self, _params: NoParams, _caller: Caller) -> NurseriesInfo:
        """What runs now."""
        return NurseriesInfo(
            generation=self._facts.generation,
            loop_lag_ms=self._facts.loop_lag_ms(),
            loop_lag_histogram=self._facts.loop_lag_histogram(),
            nurseries=[_node(one) for one in self._facts.supervisions],
        )


def _node(one: Supervision) -> NurseryNode:
    return NurseryNode(
        name=one.name,
        essential=one.essential,
        state=one.state.value,
        since=one.since,
        restarts=one.restarts,
        last_error=one.last_error,
        children=[_node(child) for child in one.children],
    )
