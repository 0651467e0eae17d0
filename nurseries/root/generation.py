"""One generation: every object from the configuration to the doors, built once and nested.

Nesting is the order of death: transports stop before the subsystems they call, these before
the link to Klipper. `serve` returns when the generation was asked to end, and its parts are gone.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import trio

from config.load import Configuration
from mrk.api.endpoint import Endpoint
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients import Clients
from mrk.http.cors import CorsRules
from mrk.landing import LandingFacts
from mrk.machine.lag import LagMs
from mrk.parts import Backoff, Part
from mrk.version import MOONRAKER_VERSION
from nurseries.commands import HostCommands
from nurseries.connections import Connections
from nurseries.data_store import DataStore
from nurseries.klippy.link import KlippyLink, OpenStream
from nurseries.log_rollover import LogRollover, OwnLog
from nurseries.printer import Printer
from nurseries.proc_stats import ProcStats
from nurseries.root.settings_views import Trust, limits_of
from nurseries.server import ConfigAnswer, Server, failed_components
from nurseries.supervise import guarded, supervise
from nurseries.systemctl import Systemctl
from transports.api_http import ApiHttp
from transports.door.connection import HandOn, Ways
from transports.door.door import Door
from transports.listeners import Listeners
from transports.sockets.bridge import Bridge
from transports.sockets.gate import Gate
from transports.sockets.session import Hub
from transports.sockets.unix_socket import UnixSocket
from transports.sockets.websocket import Websocket
from transports.web.web_door import WebDoor

# The answer to server.restart leaves before its connection is ended.
ANSWER_LEAVES_S = 0.1
# Klippy's protocol: every step of a reconnect is polled at this beat.
KLIPPY_BEAT = Backoff(first_s=0.25, limit_s=0.25)


@dataclass(frozen=True, slots=True)
class Supervised:
    """A line of the supervision table: essential parts end the daemon when they crash."""

    name: str
    service: Callable[[], Awaitable[object]]
    endpoints: list[Endpoint] = field(default_factory=list)
    essential: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    part: Part = field(init=False)

    def __post_init__(self) -> None:
        part = Part(self.name, essential=self.essential, backoff=self.backoff)
        object.__setattr__(self, "part", part)

    def offered(self) -> list[Endpoint]:
        """Its endpoints; those of an optional part answer 503 while it is down."""
        return self.endpoints if self.essential else guarded(self.part, self.endpoints)


class Generation:
    """The objects of one generation; implements `ServerFacts`."""

    def __init__(
        self,
        number: int,
        configuration: Configuration,
        open_klippy: OpenStream,
        log: OwnLog,
        warnings: list[str],
    ) -> None:
        self.generation = number
        self.configuration = configuration
        self.parts: list[Part] = []
        self._asked_to_end = trio.Event()
        self._restart = False
        settings = configuration.settings
        self._trust = Trust(settings.authorization)
        self.warnings = [*configuration.warnings, *self._trust.warnings, *warnings]
        self.limits = limits_of(settings.server)
        self.clients = Clients()
        self.link = KlippyLink(open_klippy, self.clients)
        self._subsystems = self._build_subsystems(log)
        self.table = Table(self._endpoints())
        self.rpc = Rpc(self.table, trio.lowlevel.checkpoint, self.limits.batch_calls)
        self.hub = Hub(self.rpc, self.table, self.clients, self.limits)
        self.unix_socket = UnixSocket(self.hub)
        self.door = self._build_door(open_klippy)

    def _build_subsystems(self, log: OwnLog) -> list[Supervised]:
        sizes = self.configuration.settings.data_store
        commands = HostCommands()
        data_store = DataStore(
            self.link,
            temperature_store_size=sizes.temperature_store_size,
            gcode_store_size=sizes.gcode_store_size,
        )
        self.printer = printer = Printer(self.link, self.clients, data_store, self._extend)
        self._proc_stats = ProcStats(self.clients, commands)
        rollover = LogRollover(log, self.link, Systemctl(commands))
        self._plain = [
            *Server(self, self.link, self.clients, self.end_for_restart).endpoints(),
            *Connections(self.clients).endpoints(),
            *rollover.endpoints(),
        ]
        return [
            Supervised("klippy_apis", printer.serve, printer.endpoints(), essential=True),
            Supervised("data_store", data_store.serve, data_store.endpoints()),
            Supervised("proc_stats", self._proc_stats.serve, self._proc_stats.endpoints()),
        ]

    def _endpoints(self) -> list[Endpoint]:
        offered = [endpoint for line in self._subsystems for endpoint in line.offered()]
        return self._plain + offered

    def _extend(self, endpoints: list[Endpoint]) -> list[Endpoint]:
        return self.table.extend(endpoints)

    def _build_door(self, open_klippy: OpenStream) -> Door:
        settings, limits = self.configuration.settings, self.limits
        cors = CorsRules(settings.authorization.cors_domains, self._trust.trusts)
        gate = Gate(
            limits, self._trust.authorize, lambda _origin, head: cors.allows_websocket(head)
        )
        api = ApiHttp(
            self.table,
            self.rpc,
            self.clients,
            self._trust.authorize,
            cors,
            limits,
            route_prefix=settings.server.route_prefix,
            serves_other=WebDoor.serves,
        )
        web = WebDoor(
            api,
            self._trust.authorize,
            self.landing_facts,
            limits,
            route_prefix=settings.server.route_prefix,
        )
        upgrades: dict[str, HandOn] = {
            "/websocket": Websocket(self.hub, gate).serve_connection,
            "/klippysocket": Bridge(limits, gate, open_klippy).serve_connection,
        }
        return Door(Ways(api, upgrades, web.handle), limits)

    # Life

    async def serve(self, listeners: Listeners, on_ready: Callable[[], None]) -> None:
        """Run everything until `end` or `end_for_restart`; raises what an essential part raises."""
        link = Supervised("klippy_connection", self.link.serve, [], True, KLIPPY_BEAT)
        transports = [
            Supervised("http", lambda: self._serve_door(listeners), [], essential=True),
            Supervised(
                "unix_socket", lambda: self.unix_socket.serve(listeners.unix), [], essential=True
            ),
        ]
        self._nest([link], self._subsystems, transports)
        async with running([link]), running(self._subsystems), running(transports):
            on_ready()
            await self._asked_to_end.wait()
            # Who connects from now on waits in the kernel's queue for the next generation.
            self.door.stop_accepting()
            self.unix_socket.stop_accepting()
            if self._restart:
                await trio.sleep(ANSWER_LEAVES_S)

    async def _serve_door(self, listeners: Listeners) -> None:
        await self.door.serve(
            listeners.tcp,
            tls_listeners=listeners.tls,
            wrap_tls=None if listeners.tls_side is None else listeners.tls_side.wrap,
        )

    def _nest(self, *levels: list[Supervised]) -> None:
        """The tree that server.nurseries shows: each level inside the first part of the last."""
        self.parts = [line.part for line in levels[0]]
        for outer, inner in itertools.pairwise(levels):
            outer[0].part.children = [line.part for line in inner]

    def end(self) -> None:
        """End the generation: the daemon stops."""
        self._asked_to_end.set()

    def end_for_restart(self) -> None:
        """End the generation once answers have left: the next one follows."""
        self._restart = True
        self._asked_to_end.set()

    # What clients are told

    @property
    def components(self) -> list[str]:
        """Names of the parts, Moonraker's where it has the same one."""
        return ["klippy_connection", *(line.name for line in self._subsystems)]

    @property
    def config_answer(self) -> ConfigAnswer:
        """As server.config tells."""
        read = self.configuration
        return ConfigAnswer(config=read.config, orig=read.orig, files=read.files)

    def loop_lag_ms(self) -> LagMs:
        """How late the event loop came lately."""
        return self._proc_stats.lag_ms()

    def landing_facts(self) -> LandingFacts:
        """What the landing page tells."""
        return LandingFacts(
            version=MOONRAKER_VERSION,
            klippy_state=self.link.klippy_state,
            klippy_message=self.link.klippy_message,
            warnings=tuple(self.warnings),
            failed_components=tuple(failed_components(self.parts)),
            clients=len(self.clients),
        )


@contextlib.asynccontextmanager
async def running(lines: list[Supervised]) -> AsyncIterator[None]:
    """Run parts side by side while the block lasts; they are gone when it ends."""
    async with trio.open_nursery() as nursery:
        for line in lines:
            nursery.start_soon(supervise, line.part, line.service, name=line.name)
        yield
        nursery.cancel_scope.cancel()
