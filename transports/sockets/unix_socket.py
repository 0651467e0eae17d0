"""The unix socket: JSON-RPC with ETX framing, for clients on this machine, who are all trusted.

`serve` accepts on a listener that was opened outside and outlives it, and owns one task a client.
Ends only when cancelled: clients are sent what waits for them, within `limits.goodbye_s`.
"""

import contextlib
import logging

import trio

from mrk.api import jsonrpc
from mrk.api.caller import Transport
from mrk.clients.registry import Client
from mrk.klippy.etx import EtxDecoder, FrameTooLong, etx_frame
from mrk.websocket.events import Ending
from transports.sockets.client_connection import ClientConnection
from transports.sockets.client_session import ClientSession
from transports.sockets.direct_receive import DirectReceive
from transports.sockets.outbox_sender import VANISHED, OutboxSender
from transports.sockets.session_context import SessionContext

logger = logging.getLogger(__name__)
CHUNK_BYTES = 64 * 1024
UNREADABLE_IN_A_ROW = 10
UNREADABLE = Ending(1007, f"{UNREADABLE_IN_A_ROW} messages in a row were no JSON")
# Out of descriptors or memory: room comes when some client leaves.
ACCEPT_RETRY_S = 0.1


class UnixSocket:
    """Serves the socket `<data>/comms/moonraker.sock`."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self._connections = 0

    async def serve(
        self,
        listener: trio.abc.Listener[trio.abc.Stream],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept and serve; the listener stays open."""
        async with trio.open_nursery() as clients:
            task_status.started()
            await self._accept_all(listener, clients)

    async def _accept_all(
        self, listener: trio.abc.Listener[trio.abc.Stream], clients: trio.Nursery
    ) -> None:
        failing = False
        while True:
            try:
                stream = await listener.accept()
            except OSError as exc:
                if not failing:
                    logger.error("unix socket: cannot accept clients: %s; trying again", exc)
                failing = True
                await trio.sleep(ACCEPT_RETRY_S)
                continue
            failing = False
            clients.start_soon(self._serve_connection, stream, name="unix socket client")

    async def _serve_connection(self, stream: trio.abc.Stream) -> None:
        async with stream:
            if self._connections >= self._context.limits.unix_connections:
                await self._refuse(stream)
                return
            self._connections += 1
            try:
                await self._serve_client(stream)
            finally:
                self._connections -= 1

    async def _refuse(self, stream: trio.abc.Stream) -> None:
        text = f"All {self._context.limits.unix_connections} unix socket connections are taken"
        logger.warning("unix socket: a client refused: %s", text)
        with (
            trio.move_on_after(self._context.limits.send_s),
            contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError),
        ):
            await stream.send_all(etx_frame(jsonrpc.encode_error(None, 503, text)))

    async def _serve_client(self, stream: trio.abc.Stream) -> None:
        context = self._context
        clients = context.clients
        sender = OutboxSender(
            stream, etx_frame, context.limits, clients.send_batch, clients.waiting
        )
        client = Client(clients.next_id(), Transport.UNIX, sender, authorized=True)
        name = f"{client.transport} client {client.id}"
        connection = ClientConnection(name, sender, clients.turns, context.when_cancelled)
        most_bytes = context.limits.unix_message_bytes
        session = ClientSession(context, client, sender, connection, most_bytes)
        try:
            await connection.run(lambda: self._hear(stream, sender, session))
        finally:
            session.close()
        connection.log()

    async def _hear(
        self, stream: trio.abc.Stream, sender: OutboxSender, session: ClientSession
    ) -> Ending:
        session.arrive()
        try:
            return await self._read(stream, sender, session)
        finally:
            session.leave()

    async def _read(
        self, stream: trio.abc.Stream, sender: OutboxSender, session: ClientSession
    ) -> Ending:
        limit_bytes = self._context.limits.unix_message_bytes
        decoder, direct = EtxDecoder(limit_bytes), DirectReceive(stream)
        pending_bytes = 0
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while chunk := await direct.receive(CHUNK_BYTES):
                try:
                    frames = decoder.feed(chunk)
                except FrameTooLong as exc:
                    text = f"Invalid Request: {exc}"
                    sender.reply(jsonrpc.encode_error(None, jsonrpc.INVALID_REQUEST, text))
                    return Ending(1009, str(exc))
                if decoder.pending_bytes != pending_bytes:
                    pending_bytes = decoder.pending_bytes
                    sender.share.set("input", pending_bytes)
                if len(frames) == 1 and session.hear_alone(frames[0]):
                    if session.unreadable >= UNREADABLE_IN_A_ROW:
                        return UNREADABLE
                    continue
                session.begin_chunk()
                for frame in frames:
                    # `hear`, without a coroutine for each.
                    if not session.hear_now(frame):
                        await session.hear_later(frame)
                    if session.must_wait:
                        await session.give_way()
                    if session.unreadable >= UNREADABLE_IN_A_ROW:
                        return UNREADABLE
                sender.flush()
        return VANISHED
