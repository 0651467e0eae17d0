"""The primary websocket: JSON-RPC in text or binary messages, notifications out.

The door calls `serve_connection` with a stream whose first request asked for it; it returns when
the connection is over, and the door closes the stream. A cancelled one ends as
`SessionContext.when_cancelled` says.
"""

from functools import partial

import msgspec
import trio

from mrk.access.decision import Decision
from mrk.access.login_guard import counted_as
from mrk.access.reasons import Reason
from mrk.api.caller import Transport
from mrk.clients.registry import Client
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.websocket.events import Ending
from transports.sockets.admission import WebsocketAdmission, admitted_client
from transports.sockets.client_session import ClientSession, SessionContext
from transports.sockets.ping_clock import PingClock
from transports.sockets.websocket_stream import WebsocketStream

# Of one message, as of a body over HTTP: log-in and identification are small.
UNAUTHORIZED_MESSAGE_BYTES = 64 * 1024


class Websocket:
    """Serves `<prefix>/websocket`."""

    def __init__(self, hub: SessionContext, admission: WebsocketAdmission) -> None:
        self._hub = hub
        self._admission = admission
        self._pings = PingClock(hub.limits.ping_s)

    async def serve_connection(
        self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes
    ) -> None:
        """Serve one client from its handshake on.

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
            return
        with self._admission:
            trailing = buffered.partition(b"\r\n\r\n")[2]
            served = self._served(stream, head.address, decision, trailing)
            opened = self._open(served, response)
            # Some 2 KB of its head are not kept as long as the connection lasts.
            del stream, head, decision, response, buffered, trailing
            if not await opened:
                return
            del opened
            try:
                await served.session.connection.run(served.read)
            finally:
                await served.goodbye()  # noqa: ASYNC102 - shielded there, with a deadline

    def _check_unauthorized(self, address: str) -> None:
        """Raise `ClientError` 503: those who may do nothing leave places to all others."""
        limits = self._hub.limits
        unauthorized = [client for client in self._hub.clients if not client.authorized]
        most = limits.unauthorized_websockets
        if len(unauthorized) >= most:
            raise ClientError(f"All {most} websocket connections without log-in are taken", 503)
        own, most = counted_as(address), limits.unauthorized_websockets_per_address
        if sum(counted_as(client.address or "") == own for client in unauthorized) >= most:
            text = f"Your address has {most} websocket connections without log-in"
            raise ClientError(text, 503)

    def _served(
        self, stream: trio.abc.Stream, address: str, decision: Decision, trailing: bytes
    ) -> "_Served":
        hub, clients = self._hub, self._hub.clients
        wire = WebsocketStream(stream, trailing, hub.limits, clients.send_batch, clients.waiting)
        outbox = wire.sender.outbox
        client = admitted_client(clients, Transport.WEBSOCKET, outbox, address, decision)
        session = ClientSession(hub, client, wire.sender, hub.limits.message_bytes)
        return _Served(wire, session, client, self._pings, hub.limits.message_bytes)

    async def _open(self, served: "_Served", response: bytes) -> bool:
        client = served.client
        # Nobody finds the client before its session runs, so a log-out or a lesser role would miss
        # it.
        revoke = partial(_revoke_access, client)
        with self._hub.clients.bound_to(client.user, client.role, revoke):
            self._admission.upgrading()
            return await served.wire.send_response(response)


class _Served(msgspec.Struct, eq=False):
    """One client whose handshake succeeded."""

    wire: WebsocketStream
    session: ClientSession
    client: Client
    pings: PingClock
    most_bytes: int

    async def read(self) -> Ending:
        """Answer until the client leaves; how it ended.

        While nothing comes, this waits at once for the socket: every function between would be
        half a KB a client.
        """
        wire, session = self.wire, self.session
        session.arrive()
        self.pings.add(session.connection, wire)
        try:
            if wire.trailing:
                await self._answer(wire.trailing)
                wire.trailing = b""
            while not wire.ended:
                await wire.wait()
                chunk = wire.take()
                if chunk:
                    await self._answer(chunk)
                    del chunk
                elif chunk is not None:
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # as when the client leaves
        finally:
            self.pings.remove(session.connection)
            session.leave()
        return wire.ending

    async def _answer(self, chunk: bytes) -> None:
        wire, session = self.wire, self.session
        unauthorized = min(self.most_bytes, UNAUTHORIZED_MESSAGE_BYTES)
        wire.bound_messages(self.most_bytes if self.client.authorized else unauthorized)
        session.begin_chunk()
        for message in wire.messages(chunk):
            if message is None:
                await session.yield_if_due()
            else:
                await session.hear(message)
        wire.sender.flush()

    async def goodbye(self) -> None:
        """Say how it ended."""
        self.session.close()
        with trio.move_on_at(self.wire.sender.limit_goodbye(), shield=True):
            await self.wire.goodbye(self.session.connection.ending)
        self.session.connection.log()


def _revoke_access(client: Client) -> None:
    client.authorized, client.user, client.reason = False, None, Reason.REVOKED
