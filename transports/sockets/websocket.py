"""The primary websocket: JSON-RPC in text or binary messages, notifications out.

The door calls `serve_connection` with a stream whose first request asked for it; it returns when
the connection is over, and the door closes the stream. A cancelled one ends as
`SessionContext.when_cancelled` says.
"""

from functools import partial

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
from transports.sockets.websocket_stream import WebsocketStream

# Of one message, as of a body over HTTP: log-in and identification are small.
UNAUTHORIZED_MESSAGE_BYTES = 64 * 1024


class Websocket:
    """Serves `<prefix>/websocket`."""

    def __init__(self, hub: SessionContext, admission: WebsocketAdmission) -> None:
        self._hub = hub
        self._admission = admission

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
        with self._admission.seat():
            trailing = buffered.partition(b"\r\n\r\n")[2]
            serving = self._serve(stream, head, decision, response, trailing)
            # Some 2 KB of its head are not kept as long as the connection lasts.
            del head, decision, response, buffered, trailing
            await serving

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

    async def _serve(
        self,
        stream: trio.abc.Stream,
        head: RequestHead,
        decision: Decision,
        response: bytes,
        trailing: bytes,
    ) -> None:
        hub = self._hub
        wire = WebsocketStream(
            stream, trailing, hub.limits, hub.clients.send_batch, hub.clients.waiting
        )
        client = admitted_client(
            hub.clients, Transport.WEBSOCKET, wire.sender.outbox, head.address, decision
        )
        session = ClientSession(hub, client, wire.sender, hub.limits.message_bytes)
        # Nobody finds the client before its session runs, so a log-out or a lesser role would miss
        # it.
        with hub.clients.bound_to(client.user, client.role, partial(_revoke_access, client)):
            self._admission.upgrading()
            opened = await wire.send_response(response)
        if not opened:
            return
        del head, decision, response, trailing
        most = hub.limits.message_bytes

        async def read() -> Ending:
            while not wire.ended and (chunk := await wire.receive()):
                wire.bound_messages(
                    most if client.authorized else min(most, UNAUTHORIZED_MESSAGE_BYTES)
                )
                session.begin_chunk()
                for message in wire.messages(chunk):
                    if message is None:
                        await session.yield_if_due()
                    else:
                        await session.hear(message)
                wire.sender.flush()
            return wire.ending

        try:
            await session.run(read, wire.keep_alive)
        finally:
            with trio.move_on_at(wire.sender.limit_goodbye(), shield=True):
                await wire.goodbye(session.connection.ending)
            session.connection.log()


def _revoke_access(client: Client) -> None:
    client.authorized, client.user, client.reason = False, None, Reason.REVOKED
