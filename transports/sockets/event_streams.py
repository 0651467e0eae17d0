"""`GET /server/events`: notifications as Server-Sent Events, for what cannot speak websockets.

A stream is a client as every other: in the registry, with an outbox, replay, and the rules for who
reads slowly. It only listens, so it has no session. One instance per generation; a stream runs in
its connection's task and ends with the client, its user's log-out, or the generation.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from mrk.access.decision import Decision
from mrk.api.caller import Transport
from mrk.clients.event_ring import Position, read_position
from mrk.clients.registry import Client, Clients
from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.http.arguments import query_pairs
from mrk.http.event_stream import COMMENT, CONTENT_TYPE, EventFraming, Opening
from mrk.http.exchange import Exchange, Transfer
from mrk.http.head import READING, RequestHead
from mrk.http.response import Response, error_response
from mrk.http.streamed_paths import DoorRules
from mrk.websocket.events import NO_CLOSE_FRAME, Ending
from transports.sockets.admission import WebsocketAdmission, admitted_client
from transports.sockets.client_connection import SERVER_SHUTDOWN, ClientConnection
from transports.sockets.outbox_sender import VANISHED, OutboxSender

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute

PATH = "/server/events"
# For a browser's first connection, and after its page was loaded again: it can set no header.
_FIELD = "last_event_id"
_REVOKED = Ending(NO_CLOSE_FRAME, "Logged out")
# A proxy in front must hold nothing back.
_HEADERS = (("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))


class EventStreams:
    """`admission` counts streams among the websockets; `when_cancelled` is for the log."""

    def __init__(
        self,
        rules: DoorRules,
        clients: Clients,
        admission: WebsocketAdmission,
        when_cancelled: Callable[[], Ending] = lambda: SERVER_SHUTDOWN,
    ) -> None:
        self._rules = rules
        self._clients = clients
        self._admission = admission
        self._when_cancelled = when_cancelled
        self._framing = EventFraming(clients.events.epoch)

    def verbs(self, path: str) -> tuple[str, ...]:
        """What is answered at a path behind the route prefix; empty for paths of others."""
        return READING if path == PATH else ()

    def begin(self, head: RequestHead) -> Transfer | None:
        """Who serves the request, None when it is somebody else's."""
        ours = head.path == self._rules.route_prefix + PATH and head.method in READING
        return self._serve if ours else None

    def declared(self) -> "list[DoorRoute]":
        """`StreamedPaths.declared`."""
        from transports.sockets.declarations import event_streams

        return event_streams(PATH, _FIELD)

    async def _serve(self, exchange: Exchange) -> None:
        head = exchange.head
        cors = self._rules.cors.headers(head.header("origin"))
        try:
            decision = self._rules.authorizer.admit(head, Role.VIEW)
            position = _position(head)
            self._clients.events.continuity(position)
            self._admission.check_space(head.address)
        except ClientError as exc:
            await exchange.answer(error_response(exc).with_headers(cors))
            return
        response = Response(200, content_type=CONTENT_TYPE, headers=(*_HEADERS, *cors))
        if head.method == "HEAD":
            await exchange.begin_answer(response)
            return
        with self._admission:
            await _Stream(self._clients, self._framing, self._rules.limits, exchange).run(
                decision, position, response, self._when_cancelled
            )


def _position(head: RequestHead) -> Position | None:
    """Where the client stopped; the header is newer than the address. Raises `ClientError` 400."""
    text = head.header("last-event-id")
    if not text:
        asked = [value for name, value in query_pairs(head) if name == _FIELD]
        text = asked[-1] if asked else ""
    return read_position(text) if text else None


class _ExchangeStream(trio.abc.SendStream):
    """The sending half of an exchange's connection, which the door owns and closes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.transport = exchange.transport  # for `plain_socket`

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._exchange.send_part(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class _Stream:
    """One client's stream."""

    def __init__(
        self, clients: Clients, framing: EventFraming, limits: Limits, exchange: Exchange
    ) -> None:
        self._clients = clients
        self._limits = limits
        self._exchange = exchange
        self._sender = OutboxSender(
            _ExchangeStream(exchange), framing, limits, clients.send_batch, clients.waiting
        )

    async def run(
        self,
        decision: Decision,
        position: Position | None,
        response: Response,
        when_cancelled: Callable[[], Ending],
    ) -> None:
        """Stream until the client leaves, is too slow, or may not listen any more."""
        address = self._exchange.head.address
        client = admitted_client(self._clients, Transport.EVENTS, self._sender, address, decision)
        connection = ClientConnection(
            f"event stream {client.id}", self._sender, self._clients.turns, when_cancelled
        )
        with self._clients.bound_to(decision.user, Role.VIEW, partial(connection.end, _REVOKED)):
            await self._exchange.begin_answer(response)
            await connection.run(partial(self._listen, client, position), self._keep_alive)
        connection.log()

    async def _listen(self, client: Client, position: Position | None) -> Ending:
        self._clients.add(client)
        try:
            self._open(client, position)
            with contextlib.suppress(trio.ClosedResourceError):
                await self._exchange.wait_left()
            return VANISHED
        finally:
            self._clients.remove(client)

    def _open(self, client: Client, position: Position | None) -> None:
        events = self._clients.events
        continuity, seq = events.after(position)
        opening = Opening(
            client.id, events.epoch, seq, events.newest, str(continuity), continuity.advice
        )
        client.outbox.append(opening.frame())
        self._clients.replay(client, seq)

    async def _keep_alive(self) -> Ending:
        """A comment every `ping_s`: a client that has gone is noticed, and proxies stay open."""
        while True:
            await trio.sleep(self._limits.ping_s)
            self._sender.control("comment", COMMENT)
