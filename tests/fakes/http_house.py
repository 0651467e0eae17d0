"""A small API behind a real door: endpoints that show what came in, for transport tests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
import trio

from config.settings.authorization import parse_cors_domains
from mrk.access.trusted_clients import LOOPBACK, is_trusted
from mrk.api.arguments import objects_query
from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.accepting import Accepting
from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.errors import ClientError
from mrk.http.cors import CorsRules
from mrk.http.head import RequestHead
from mrk.web.page_messages import PageFacts
from nurseries.testing.memory import MemoryPages
from tests.fakes.accounts import FakeAccounts
from tests.fakes.request_authorizer import authorizer
from transports.door.acceptor import Door
from transports.door.api_http import ApiHttp
from transports.door.route_table import RouteTable
from transports.door.routes import Routes
from transports.web.pages import Pages


class EchoParams(msgspec.Struct, frozen=True):
    text: str = ""
    number: int | None = None


class StoreParams(msgspec.Struct, frozen=True):
    value: msgspec.Raw


def trusted(address: str) -> bool:
    return is_trusted(address, LOOPBACK)


@dataclass
class House:
    """Everything a request can reach, and what happened to it."""

    limits: Limits = field(default_factory=Limits)
    route_prefix: str = ""
    padding_bytes: int = 0
    cors_domains: tuple[str, ...] = ()
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    look_up_names: Callable[[str], Awaitable[None]] | None = None
    clients: Clients = field(default_factory=Clients)
    accepting: Accepting = field(default_factory=Accepting)
    begun: trio.Event = field(default_factory=trio.Event)
    released: trio.Event = field(default_factory=trio.Event)
    on_echo: Callable[[], None] = lambda: None
    outcomes: list[str] = field(default_factory=list)
    upgrades: dict[str, Callable[[trio.abc.Stream, RequestHead, bytes], Awaitable[None]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self.table = Table(
            [
                Endpoint(
                    "/server/info",
                    ("GET",),
                    NoParams,
                    lambda p, c: {"ok": True},
                    "Info.",
                    access=Access.ADMIN,
                ),
                Endpoint(
                    "/echo", ("GET", "POST"), EchoParams, self._echo, "Echo.", access=Access.ADMIN
                ),
                Endpoint(
                    "/raw",
                    ("POST",),
                    None,
                    lambda a, c: a,
                    "Arguments as they came.",
                    access=Access.ADMIN,
                ),
                Endpoint(
                    "/caller",
                    ("GET", "POST"),
                    NoParams,
                    self._caller,
                    "Who calls.",
                    access=Access.ADMIN,
                ),
                Endpoint("/fail", ("GET",), NoParams, self._fail, "Fails.", access=Access.ADMIN),
                Endpoint(
                    "/bug", ("GET",), NoParams, lambda p, c: 1 / 0, "A bug.", access=Access.ADMIN
                ),
                Endpoint(
                    "/open", ("POST",), None, lambda a, c: "open", "Open.", access=Access.OPEN
                ),
                Endpoint(
                    "/huge", ("GET",), NoParams, self._huge, "A large answer.", access=Access.ADMIN
                ),
                Endpoint(
                    "/wait",
                    ("GET",),
                    NoParams,
                    self._wait,
                    "Waits, changes nothing.",
                    access=Access.ADMIN,
                ),
                Endpoint(
                    "/script",
                    ("GET", "POST"),
                    NoParams,
                    self._wait,
                    "Waits, does things.",
                    access=Access.ADMIN,
                ),
                Endpoint(
                    "/printer/objects/query",
                    ("GET", "POST"),
                    None,
                    lambda a, c: a,
                    "Objects.",
                    access=Access.ADMIN,
                    query=objects_query,
                ),
                Endpoint(
                    "/stop",
                    ("POST",),
                    NoParams,
                    self._stop,
                    "Waits for nothing.",
                    access=Access.ADMIN,
                    urgent=True,
                ),
                Endpoint(
                    "/store",
                    ("POST",),
                    StoreParams,
                    lambda p, c: len(memoryview(p.value)),
                    "Takes a large value.",
                    access=Access.ADMIN,
                    large=True,
                ),
                Endpoint(
                    "/sockets",
                    ("POST",),
                    NoParams,
                    lambda p, c: "ok",
                    "Not by JSON-RPC over HTTP.",
                    access=Access.ADMIN,
                    transports=EVERYWHERE - {Transport.HTTP_RPC},
                ),
            ]
        )
        self.authorizer = authorizer(
            cors_domains=self.cors_domains,
            accounts=self.accounts,
            names=["laptop.lan"],
            names_of=lambda address: self.names.get(address, ()),
        )
        rpc = Rpc(self.table, trio.lowlevel.checkpoint, self.limits.batch_calls)
        cors = CorsRules(parse_cors_domains(list(self.cors_domains))[0], trusted)
        self.api = ApiHttp(
            self.table,
            rpc,
            self.clients,
            self.authorizer,
            cors,
            self.limits,
            route_prefix=self.route_prefix,
        )
        self.web = Pages(
            cors,
            self.authorizer,
            self._facts,
            MemoryPages().render,
            route_prefix=self.route_prefix,
        )
        self.routes = RouteTable(self.api, self.authorizer, self.web, upgrades=self.upgrades)
        routes = Routes(
            self.routes,
            look_up_names=self.look_up_names,
            turns=self.clients.turns,
            accepting=self.accepting,
        )
        self.door = Door(routes, self.limits)

    async def _facts(self) -> PageFacts:
        await trio.lowlevel.checkpoint()
        return PageFacts("v0.10.0-mrk-test", "ready", warnings=("<b>watch out</b>",), clients=2)

    def _echo(self, params: EchoParams, caller: Caller) -> object:
        self.on_echo()
        return {"text": params.text, "number": params.number}

    @staticmethod
    def _caller(params: NoParams, caller: Caller) -> object:
        return {
            "transport": caller.transport,
            "connection_id": caller.connection_id,
            "address": caller.address,
        }

    async def _stop(self, params: NoParams, caller: Caller) -> str:
        await trio.lowlevel.checkpoint()
        self.outcomes.append("stopped")
        return "ok"

    @staticmethod
    def _fail(params: NoParams, caller: Caller) -> object:
        raise ClientError("no such thing:\nreally", 409)

    def _huge(self, params: NoParams, caller: Caller) -> object:
        return "x" * self.padding_bytes

    async def _wait(self, params: NoParams, caller: Caller) -> str:
        self.begun.set()
        try:
            await self.released.wait()
        except trio.Cancelled:
            self.outcomes.append("cancelled")
            raise
        self.outcomes.append("done")
        return "waited"
