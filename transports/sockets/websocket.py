"""The primary websocket: JSON-RPC in text or binary messages, notifications out.

The door calls `serve_connection` with a stream whose first request asked for it. While `serve`
runs, those on plain sockets are kept: the call returns once the handshake is answered, and their
tasks, where they need one, are this service's. Others are served within the call. A cancelled one
ends as `SessionContext.when_cancelled` says.
"""

from functools import partial

import trio

from mrk.access.decision import Decision
from mrk.access.reasons import Reason
from mrk.api.caller import Transport
from mrk.clients.registry import Client
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.websocket.events import Ending
from transports.sockets.admission import WebsocketAdmission, admitted_client, count_of
from transports.sockets.client_session import ClientSession
from transports.sockets.kept_connection import KeptConnection
from transports.sockets.ping_clock import PingClock
from transports.sockets.served_websocket import ServedWebsocket
from transports.sockets.session_context import SessionContext
from transports.sockets.socket_reader import SocketReader
from transports.sockets.websocket_stream import WebsocketStream


class Websocket:
    """Serves `<prefix>/websocket`."""

    def __init__(self, context: SessionContext, admission: WebsocketAdmission) -> None:
        self._context = context
        self._admission = admission
        self._pings = PingClock(context.limits.ping_s)
        self._loading = trio.CapacityLimiter(1)
        self._home: _Home | None = None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read the connections that are kept, and own their tasks, until cancelled."""
        reader = SocketReader()
        try:
            async with trio.open_nursery() as nursery:
                self._home = home = _Home(reader, nursery, self._admission)
                task_status.started()
                try:
                    await reader.run()
                finally:
                    # Each says goodbye in a task of the nursery, which waits for all of them.
                    self._home = None
                    home.end_all(self._context.when_cancelled())
        finally:
            reader.close()

    async def serve_connection(
        self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes
    ) -> ServedWebsocket | None:
        """Serve one client from its handshake on; returns it when it is kept.

        `buffered` is all that was read so far, head included. A failed handshake is answered with
        400, 403, 426 or 503 and a JSON error; missing credentials do not fail it.
        """
        try:
            response = self._admission.accept(head)
            decision = self._admission.decide(head)
            if not decision.authorized:
                self._check_unauthorized(head.address)
        except ClientError as exc:
            await self._admission.refuse(stream, head, exc)
            return None
        self._admission.enter()
        kept = None
        try:
            trailing = buffered.partition(b"\r\n\r\n")[2]
            served = self._served(stream, head.address, decision, trailing)
            opened = self._open(served, response)
            # Some 2 KB of its head are not kept as long as the connection lasts.
            del stream, head, decision, response, buffered, trailing
            if await opened:
                del opened
                kept = self._keep(served)
                if kept is None:
                    await served.run()
            return kept
        finally:
            if kept is None:
                self._admission.leave()

    def _keep(self, served: ServedWebsocket) -> ServedWebsocket | None:
        is_plain = served.wire.descriptor >= 0
        if self._home is None or not is_plain or served.connection.ended:
            return None
        self._home.kept.add(served)
        served.keep(self._home)
        return served

    def _check_unauthorized(self, address: str) -> None:
        """Raise `ClientError` 503: those who may do nothing leave places to all others."""
        limits = self._context.limits
        unauthorized = [client for client in self._context.clients if not client.authorized]
        most = limits.unauthorized_websockets
        if len(unauthorized) >= most:
            raise ClientError(f"All {most} websocket connections without log-in are taken", 503)
        most = limits.unauthorized_websockets_per_address
        if count_of(address, unauthorized) >= most:
            text = f"Your address has {most} websocket connections without log-in"
            raise ClientError(text, 503)

    def _served(
        self, stream: trio.abc.Stream, address: str, decision: Decision, trailing: bytes
    ) -> ServedWebsocket:
        context, clients = self._context, self._context.clients
        batch, total = clients.send_batch, clients.waiting
        wire = WebsocketStream(
            stream, trailing, context.limits, batch, total, loading=self._loading
        )
        client = admitted_client(clients, Transport.WEBSOCKET, wire.sender, address, decision)
        name = f"{client.transport} client {client.id}"
        connection = KeptConnection(name, wire.sender, clients.turns, context.when_cancelled)
        most_bytes = context.limits.message_bytes
        session = ClientSession(context, client, wire.sender, connection, most_bytes)
        return ServedWebsocket(wire, session, connection, client, self._pings, most_bytes)

    async def _open(self, served: ServedWebsocket, response: bytes) -> bool:
        client = served.client
        # Nobody finds the client before its session runs, so a log-out or a lesser role would miss
        # it.
        revoke = partial(_revoke_access, client)
        with self._context.clients.bound_to(client.user, client.role, revoke):
            self._admission.upgrading()
            return await served.wire.send_response(response)


class _Home:
    """What those that are kept share."""

    def __init__(
        self, reader: SocketReader, nursery: trio.Nursery, admission: WebsocketAdmission
    ) -> None:
        self.reader = reader
        self.nursery = nursery
        self.kept: set[ServedWebsocket] = set()
        self._admission = admission

    def let_go(self, served: ServedWebsocket) -> None:
        """It is over."""
        self.kept.discard(served)
        self._admission.leave()

    def end_all(self, ending: Ending) -> None:
        """Have all say goodbye."""
        for served in self.kept.copy():
            served.connection.end(ending)


def _revoke_access(client: Client) -> None:
    client.authorized, client.user, client.reason = False, None, Reason.REVOKED
