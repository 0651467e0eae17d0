"""One websocket on one stream: frames in, pings, the sender, and the goodbye.

Used by the primary and the bridge websocket, which own the tasks; lives as long as the connection.
"""

import contextlib
from collections.abc import Iterator

import trio

from mrk.clients.send_batch import SendBatch
from mrk.clients.waiting_total import WaitingTotal
from mrk.definitions.limits import Limits
from mrk.websocket.events import NO_CLOSE_FRAME, Ending, Pinged, Unread
from mrk.websocket.frames import PING, close_frame, pong_frame, text_frame
from mrk.websocket.incoming import WebsocketReader, load_fragments
from transports.sockets.delivery import delivery
from transports.sockets.direct_receive import DirectReceive
from transports.sockets.outbox_sender import VANISHED, OutboxSender

CHUNK_BYTES = 64 * 1024
# One that was asleep, or out of range, comes back: front ends take a close frame as final.
SILENT = Ending(NO_CLOSE_FRAME, "no answer to a ping")


class WebsocketStream:
    """`trailing` is what the client sent behind its handshake without waiting for the answer.

    `loading` lets one thread at a time load what reads unusual frames.
    """

    __slots__ = (
        "_arrived_bytes",
        "_chunk_bytes",
        "_heard",
        "_incoming",
        "_limits",
        "_listening",
        "_loading",
        "_pending_bytes",
        "_pinged",
        "_receive",
        "ended",
        "ending",
        "must_load",
        "sender",
        "stream",
        "trailing",
    )

    def __init__(
        self,
        stream: trio.abc.Stream,
        trailing: bytes,
        limits: Limits,
        send_batch: SendBatch | None = None,
        total: WaitingTotal | None = None,
        *,
        loading: trio.CapacityLimiter,
    ) -> None:
        self.sender = OutboxSender(stream, text_frame, limits, send_batch, total)
        self._chunk_bytes = CHUNK_BYTES
        self._pending_bytes = 0
        self.stream = stream
        self._receive = DirectReceive(stream)
        self.trailing = trailing
        self._limits = limits
        self._incoming = WebsocketReader(limits.message_bytes)
        self._loading = loading
        self.must_load = False
        self._heard = False
        self._listening = False
        self._pinged = False
        self._arrived_bytes = 0  # when the last ping was sent
        self.ending = VANISHED
        self.ended = False

    async def send_response(self, response: bytes) -> bool:
        """Complete the handshake; False when the client is gone already."""
        with trio.move_on_after(self._limits.send_s):
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self.stream.send_all(response)
                return True
        return False

    def bound_messages(self, limit_bytes: int) -> None:
        """From the next bytes on: the largest message that is taken, also for one that began."""
        self._incoming.limit_bytes = limit_bytes
        self._chunk_bytes = min(CHUNK_BYTES, limit_bytes // 4)

    def alone(self, chunk: bytes) -> str | bytes | None:
        """The message of a chunk that holds nothing else; None for `messages`."""
        return self._incoming.alone(chunk)

    def messages(self, chunk: bytes) -> Iterator[str | bytes | None]:
        """What a chunk completes: messages, and None for what is none, so that others may run.

        Pings are answered here. It ends early when the client or a fault ended the connection:
        `ending` then says how. While `must_load`, `load` comes before the next one.
        """
        for event in self._incoming.feed(chunk):
            if isinstance(event, str | bytes):
                yield event
                continue
            if isinstance(event, Ending):
                self.ending, self.ended = event, True
                return
            if isinstance(event, Pinged):
                self.sender.control("pong", pong_frame(event.payload))
            self.must_load = isinstance(event, Unread)
            yield None
        if self._incoming.pending_bytes != self._pending_bytes:
            self._pending_bytes = self._incoming.pending_bytes
            self.sender.share.set("input", self._pending_bytes)

    async def load(self) -> None:
        """Have a thread load what reads the next frames: a slow disk takes seconds."""
        await trio.to_thread.run_sync(load_fragments, limiter=self._loading, abandon_on_cancel=True)
        self.must_load = False

    @property
    def descriptor(self) -> int:
        """Of the plain socket below, for who waits elsewhere until it can be read; -1: none."""
        return self._receive.descriptor

    def listens(self) -> None:
        """From now on what the client sends is taken: a ping without an answer is its end."""
        self._listening = True

    def take(self) -> bytes | None:
        """What has come to a plain socket; empty when the client has gone, None if it was nothing.

        Raises `trio.BrokenResourceError` when the connection broke.
        """
        chunk = self._receive.take(self._chunk_bytes)
        if chunk is not None:
            self._note_heard()
        return chunk

    async def receive(self) -> bytes:
        """The next bytes, with what is `trailing` first; empty when the client has gone."""
        if self.trailing:
            chunk, self.trailing = self.trailing, b""
            return chunk
        self.listens()
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            chunk = await self._receive.receive(self._chunk_bytes)
            self._note_heard()
            return chunk
        return b""

    def _note_heard(self) -> None:
        self._listening = False
        self._heard = True

    def ping(self) -> Ending | None:
        """Send a ping; returns how the connection ends when nothing at all came back for the last.

        Any bytes from the client are life, and so is output that still arrives while more of it
        waits: the ping is behind that. While nothing is read from the client (back-pressure), or
        the ping is not out, the send limit watches.
        """
        now = delivery(self.stream)
        arrives = (
            now is not None and now.waiting_bytes > 0 and now.arrived_bytes > self._arrived_bytes
        )
        alive = self._heard or arrives or not self._pinged
        if not alive and self._listening and not self.sender.holds("ping"):
            return SILENT
        self._heard, self._pinged = False, True
        self._arrived_bytes = 0 if now is None else now.arrived_bytes
        self.sender.control("ping", PING)
        return None

    async def goodbye(self, ending: Ending) -> None:
        """Send the close frame and wait for the client's; the caller gives the deadline.

        An ending without a frame waits for the client's end of the connection.
        """
        if not self.sender.intact or ending is VANISHED:
            return
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if ending.code != NO_CLOSE_FRAME:
                await self.stream.send_all(close_frame(ending.code, ending.reason))
            elif isinstance(self.stream, trio.abc.HalfCloseableStream):
                await self.stream.send_eof()
            # To close a socket with unread input would reset it, and the frame could be lost.
            while not ending.by_peer and (chunk := await self.stream.receive_some(CHUNK_BYTES)):
                for event in self._incoming.feed(bytes(chunk)):
                    if isinstance(event, Ending):
                        return
                    if isinstance(event, Unread):
                        await self.load()
