"""The primary websocket: JSON-RPC in text or binary messages, notifications out.

The door calls `serve_connection` with a stream whose first request asked for it; it returns when
the connection is over, and the door closes the stream. A cancelled one ends as `Hub.when_cancelled`
says.
"""

from functools import partial

import trio

from mrk.access.decision import Decision
from mrk.access.reasons import Reason
from mrk.api.caller import Transport
from mrk.clients import Client
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from transports.sockets.gate import Gate
from transports.sockets.session import Hub, Session
from transports.sockets.wire import Wire

# Of one message, as of a body over HTTP: log-in and identification are small.
STRANGERS_MESSAGE_BYTES = 64 * 1024


class Websocket:
    """Serves `<prefix>/websocket`."""

    def __init__(self, hub: Hub, gate: Gate) -> None:
        self._hub = hub
        self._gate = gate

    async def serve_connection(
        self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes
    ) -> None:
        """Serve one client from its handshake on.

        `buffered` is all that was read so far, head included. A failed handshake is answered with
        400, 403, 426 or 503 and a JSON error; missing credentials do not fail it.
        """
        try:
            response = self._gate.judge(head)
            decision = self._gate.decide(head)
            if not decision.authorized:
                self._check_strangers()
        except ClientError as exc:
            await self._gate.refuse(stream, head, exc)
            return
        with self._gate.seat():
            await self._serve(stream, head, decision, response, buffered.partition(b"\r\n\r\n")[2])

    def _check_strangers(self) -> None:
        """Raise `ClientError` 503: those who may do nothing leave places to all others."""
        most = self._hub.limits.strangers
        if sum(not client.authorized for client in self._hub.clients) >= most:
            raise ClientError(f"All {most} websocket connections without log-in are taken", 503)

    async def _serve(
        self,
        stream: trio.abc.Stream,
        head: RequestHead,
        decision: Decision,
        response: bytes,
        trailing: bytes,
    ) -> None:
        hub = self._hub
        wire = Wire(stream, trailing, hub.limits, hub.clients.burst)
        client = Client(
            hub.clients.next_id(),
            Transport.WEBSOCKET,
            wire.sender.outbox,
            address=head.address,
            authorized=decision.authorized,
            # An expired token names a user, but makes nobody one.
            user=decision.user if decision.authorized else None,
            role=decision.role,
            reason=decision.reason,
            trusted=decision.trusted,
        )
        session = Session(hub, client, wire.sender, hub.limits.message_bytes)
        # Nobody finds the client before its session runs, so a log-out or a lesser role would miss
        # it.
        with hub.clients.bound_to(client.user, client.role, partial(_shut_out, client)):
            opened = await wire.send_response(response)
        if not opened:
            return

        def chunk_begins() -> None:
            most = hub.limits.message_bytes
            wire.bound_messages(most if client.authorized else min(most, STRANGERS_MESSAGE_BYTES))
            session.chunk_begins()

        try:
            await session.run(
                lambda: wire.read(chunk_begins, session.breathe, session.hear),
                wire.keep_alive,
            )
        finally:
            with trio.move_on_at(wire.sender.hasten(), shield=True):
                await wire.goodbye(session.connection.ending)
            session.connection.log()


def _shut_out(client: Client) -> None:
    client.authorized, client.user, client.reason = False, None, Reason.REVOKED
