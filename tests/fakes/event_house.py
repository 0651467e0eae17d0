"""A door with event streams, sockets and the endpoints of replay, as the root would build them."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import trio

from config.settings.authorization import parse_cors_domains
from mrk.api.caller import Caller, Transport
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.event_ring import EventRing
from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.http.cors import CorsRules
from mrk.http.exchange import Transfer
from mrk.http.streamed_paths import DoorRules
from mrk.metrics.request_counts import Tally
from nurseries.server.client_list_endpoints import ClientList, ClientListEndpoints, ConnectedClient
from nurseries.server.connection_endpoints import Connections
from nurseries.server.event_endpoints import EventEndpoints
from tests.fakes.accounts import FakeAccounts
from tests.fakes.http_house import trusted
from tests.fakes.request_authorizer import authorizer
from transports.door.acceptor import Door
from transports.door.api_http import ApiHttp
from transports.door.route_table import RouteTable
from transports.door.routes import Routes
from transports.sockets.admission import WebsocketAdmission
from transports.sockets.event_streams import EventStreams
from transports.sockets.session_context import SessionContext
from transports.sockets.unix_socket import UnixSocket
from transports.sockets.websocket import Websocket
from transports.transfers.file_answers import FileSender


class NoPages:
    """Nothing here is for people."""

    def serves(self, _path: str) -> bool:
        return False

    def begin(self, _path: str) -> Transfer:
        raise AssertionError("there are no pages")


@dataclass
class EventHouse:
    """`epoch` is of this run; `door`, `websocket` and `unix_socket` are ways to its events."""

    limits: Limits = field(default_factory=Limits)
    route_prefix: str = ""
    epoch: str = "e1"
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    answered: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        ring = EventRing(self.epoch, trio.current_time, self.limits)
        clients = self.clients = Clients(ring)
        self.table = Table(
            [
                *Connections(clients, self.accounts).endpoints(),
                *EventEndpoints(ring).endpoints(),
                *ClientListEndpoints(clients).endpoints(),
            ]
        )
        access = authorizer(cors_domains=["http://ui"], accounts=self.accounts)
        cors = CorsRules(parse_cors_domains(["http://ui"])[0], trusted)
        rpc = Rpc(self.table, trio.lowlevel.checkpoint, 10)
        self.admission = WebsocketAdmission(self.limits, access, clients, self.answered)
        hub = SessionContext(rpc, self.table, clients, self.limits)
        self.websocket = Websocket(hub, self.admission)
        self.unix_socket = UnixSocket(hub)
        rules = DoorRules(
            access, cors, self.limits, self.route_prefix, FileSender(), lambda _port: False
        )
        self.streams = EventStreams(rules, clients, self.admission)
        prefix = self.route_prefix
        api = ApiHttp(self.table, rpc, clients, access, cors, self.limits, route_prefix=prefix)
        upgrades = {"/websocket": self.websocket.serve_connection}
        streamed = [self.streams]
        routes = RouteTable(api, access, NoPages(), upgrades=upgrades, streamed=streamed)
        self.door = Door(Routes(routes, answered=self.answered, turns=clients.turns), self.limits)

    def listed(self) -> list[ConnectedClient]:
        """What `server.connection.list` shows."""
        method = self.table.method("server.connection.list", Transport.HTTP)
        answer = method.call({}, Caller(Transport.HTTP))
        assert isinstance(answer, ClientList)
        return answer.connections


class EventClient:
    """Reads a stream of events as the HTML standard says, from any trio stream."""

    def __init__(self, stream: Any, last_id: str = "") -> None:
        self.stream = stream
        self.last_id = last_id
        self.comments = 0
        self.retry: str | None = None
        self.head = b""
        self._buffer = b""

    async def ask(self, *headers: str, target: str = "/server/events", verb: str = "GET") -> int:
        """Send the request; returns the status."""
        lines = [f"{verb} {target} HTTP/1.1", "Host: printer:7125", *headers]
        if self.last_id:
            lines.append(f"Last-Event-ID: {self.last_id}")
        await self.stream.send_all("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._buffer:
            await self._receive()
        self.head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return int(self.head.split()[1])

    async def _receive(self) -> None:
        data = await self.stream.receive_some(65536)
        if not data:
            raise EOFError
        self._buffer += data

    async def event(self) -> tuple[str, Any]:
        """Type and data of the next event; `EOFError` at the end, with what was cut dropped."""
        while True:
            while b"\n\n" not in self._buffer:
                await self._receive()
            text, _, self._buffer = self._buffer.partition(b"\n\n")
            kind, data = "message", ""
            for line in text.decode().splitlines():
                name, _, value = line.partition(": ")
                if line.startswith(":"):
                    self.comments += 1
                elif name == "id":
                    self.last_id = value
                elif name == "event":
                    kind = value
                elif name == "retry":
                    self.retry = value
                elif name == "data":
                    data = value
            if data:
                return kind, msgspec.json.decode(data)
