"""A hub with a few endpoints, and a websocket client made of wsproto's other half."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import memory_stream_pair
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from mrk.access.trusted_clients import TrustedClients, is_trusted
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.outcome import HeldBack
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.http.head import RequestHead
from mrk.metrics.request_counts import Tally
from mrk.websocket.events import Ending
from mrk.websocket.incoming import load_fragments
from nurseries.server.connection_endpoints import Connections
from tests.fakes.accounts import FakeAccounts
from tests.fakes.request_authorizer import authorizer
from transports.sockets.admission import WebsocketAdmission
from transports.sockets.client_connection import SERVER_SHUTDOWN
from transports.sockets.session_context import SessionContext
from transports.sockets.websocket import Websocket

ANY = [ip_network("0.0.0.0/0")]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
# Here, and by no thread: some of these tests let the clock jump.
load_fragments()


class Text(msgspec.Struct, frozen=True):
    text: str = ""


class Size(msgspec.Struct, frozen=True):
    size: int = 0


@dataclass
class Daemon:
    """What a root would build, with handlers that a test can hold back."""

    limits: Limits = field(default_factory=Limits)
    trusted: bool = True
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    release: trio.Event = field(default_factory=trio.Event)
    looked: trio.Event = field(default_factory=trio.Event)
    waiting: int = 0
    stops: int = 0
    cancelled: int = 0
    begun: list[int] = field(default_factory=list)
    ending: Ending = SERVER_SHUTDOWN
    answered: Tally = field(default_factory=Tally)
    on_echo: Callable[[str], None] = lambda _text: None

    def __post_init__(self) -> None:
        self.clients = Clients()
        endpoints = [
            Endpoint(
                "/test/echo",
                ("GET",),
                Text,
                self.echo,
                "echo",
                access=Access.ADMIN,
                large=True,
            ),
            Endpoint(
                "/test/big", ("GET",), Size, lambda p, _c: "x" * p.size, "big", access=Access.ADMIN
            ),
            Endpoint("/test/open", ("GET",), NoParams, lambda _p, _c: "ok", "", access=Access.OPEN),
            Endpoint("/test/wait", ("GET",), Size, self.wait, "waits", access=Access.ADMIN),
            Endpoint(
                "/test/stop",
                ("POST",),
                NoParams,
                self.stop,
                "urgent",
                access=Access.ADMIN,
                urgent=True,
            ),
            Endpoint(
                "/test/held",
                ("POST",),
                NoParams,
                lambda _p, _c: HeldBack(self.held),
                "holds",
                access=Access.ADMIN,
            ),
            *Connections(self.clients, self.accounts).endpoints(),
        ]
        table = Table(endpoints)
        rpc = Rpc(table, trio.lowlevel.checkpoint, self.limits.batch_calls)
        self.hub = SessionContext(rpc, table, self.clients, self.limits, lambda: self.ending)
        everybody = TrustedClients()
        everybody.has_address = lambda address: self.trusted and is_trusted(address, ANY)  # type: ignore

        self.admission = WebsocketAdmission(
            self.limits,
            authorizer(everybody, self.accounts, cors_domains=["*://*ok*"]),
            self.clients,
            self.answered,
        )
        self.websocket = Websocket(self.hub, self.admission)

    def echo(self, params: Text, _caller: Caller) -> str:
        self.on_echo(params.text)
        return params.text

    async def wait(self, params: Size, _caller: Caller) -> str:
        self.waiting += 1
        self.begun.append(params.size)
        try:
            await self.release.wait()
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        return "waited" + "x" * params.size

    async def held(self, release: Callable[[], None]) -> str:
        await self.looked.wait()
        release()
        await self.release.wait()
        return "held"

    async def stop(self, _params: NoParams, _caller: Caller) -> str:
        self.stops += 1
        return "ok"


def upgrade_head(*extra: tuple[str, str], without: str = "", target: str = "/websocket"):
    headers = [
        ("host", "printer.local"),
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-key", KEY),
        ("sec-websocket-version", "13"),
    ]
    kept = [(name, value) for name, value in headers if name != without]
    return RequestHead("GET", target, "1.1", [*kept, *extra], "10.0.0.2", "10.0.0.2")


def head_bytes(head: RequestHead) -> bytes:
    lines = [f"{head.method} {head.target} HTTP/1.1", *(f"{k}: {v}" for k, v in head.headers)]
    return "\r\n".join([*lines, "", ""]).encode()


class Peer:
    """A websocket client on any stream."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.wire = Connection(ConnectionType.CLIENT)
        self.events: list[Event] = []
        self.pongs = True
        self._raw = bytearray()

    async def handshake(self) -> str:
        """The status line of the answer."""
        while b"\r\n\r\n" not in self._raw:
            chunk = await self.stream.receive_some(65536)
            if not chunk:
                raise EOFError
            self._raw += chunk
        head, _, rest = bytes(self._raw).partition(b"\r\n\r\n")
        self.head = head.decode()
        self.wire.receive_data(rest)
        return self.head.splitlines()[0]

    async def send(self, data: str | bytes, finished: bool = True) -> None:
        message = (
            TextMessage(data=data, message_finished=finished)
            if isinstance(data, str)
            else BytesMessage(data=data, message_finished=finished)
        )
        await self.stream.send_all(self.wire.send(message))

    async def call(self, method: str, id: int = 1, **params: object) -> None:
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": id}
        await self.send(msgspec.json.encode(request).decode())

    async def event(self) -> Event:
        """The next message, ping or close; `EOFError` when the stream ends without."""
        text = ""
        while True:
            for event in self.wire.events():
                if isinstance(event, TextMessage):
                    text += event.data
                    if not event.message_finished:
                        continue
                    return TextMessage(data=text)
                if isinstance(event, Ping) and self.pongs:
                    await self.stream.send_all(self.wire.send(Pong(payload=event.payload)))
                return event
            chunk = await self.stream.receive_some(65536)
            if not chunk:
                raise EOFError
            self.wire.receive_data(bytes(chunk))

    async def message(self) -> Any:
        """The next JSON message; pings are passed over."""
        while True:
            event = await self.event()
            if isinstance(event, TextMessage):
                return msgspec.json.decode(event.data)
            assert not isinstance(event, CloseConnection), event

    async def closed(self) -> tuple[int, str | None]:
        """Code and reason of the close frame, which is answered."""
        while True:
            event = await self.event()
            if isinstance(event, CloseConnection):
                await self.stream.send_all(self.wire.send(event.response()))
                return event.code, event.reason


ServeConnection = Callable[[Any, RequestHead, bytes], Awaitable[object]]


@asynccontextmanager
async def connected(
    serve: ServeConnection, pair: Any = memory_stream_pair, head: RequestHead | None = None
) -> AsyncIterator[tuple[Peer, trio.Event, trio.CancelScope]]:
    """A connected peer; the event is set when the server has let go of it."""
    client, server = pair()
    over = trio.Event()
    head = head or upgrade_head()

    async def door() -> None:
        try:
            await serve(server, head, head_bytes(head))
        finally:
            over.set()
            await trio.aclose_forcefully(server)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(door)
        peer = Peer(client)
        assert "101" in await peer.handshake()
        yield peer, over, nursery.cancel_scope
        await client.aclose()
        nursery.cancel_scope.cancel()


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()
