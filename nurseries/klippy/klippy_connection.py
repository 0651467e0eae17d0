"""One connection to Klippy: framing, requests that wait, junk.

`run` owns the reader and the writer; it ends by `LinkLost`, or when cancelled. All state
(pending requests, unsent output) lives here and dies with the connection.
"""

import itertools
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio
from trio.abc import Stream

from mrk.clients.send_batch import SendBatch
from mrk.definitions.limits import Limits
from mrk.errors import ClientError, Transient
from mrk.klippy.etx import EtxDecoder, FrameTooLong, etx_frame
from mrk.klippy.link_errors import KlippyLost
from mrk.klippy.messages import Frame, JunkFrame, decode_frame, encode_request, error_message
from mrk.log.throttle import LogThrottle
from nurseries.klippy.direct_receive import receive

logger = logging.getLogger(__name__)
OnReply = Callable[[msgspec.Raw], None]

READ_BYTES = 64 * 1024
WRITE_BYTES = 64 * 1024
JUNK_LIMIT = 10  # frames in a row
PENDING_LOG_S = 60.0
# A Klipper that does not read for long is stuck; its socket buffers some 200 KB by itself.
UNSENT_LIMIT_BYTES = 4 * 1024 * 1024
PENDING_LIMIT = 10_000
LAST_WORDS_S = 1.0
# Frames handled before other tasks get their turn: below 1 ms of work.
FRAMES_PER_TURN = 40


class LinkLost(Transient):
    """The connection ended, or cannot be trusted any further."""


class _Pending:
    """The slot for one reply. With `on_reply` it waits for the reply even if its caller left."""

    __slots__ = ("done", "error", "on_reply", "result")

    def __init__(self, on_reply: OnReply | None) -> None:
        self.on_reply = on_reply
        self.done = trio.Event()
        self.result: msgspec.Raw | None = None
        self.error: ClientError | None = None


class KlippyConnection:
    """Requests and replies over one stream; `on_message(method, params)` gets the rest.

    What that fills `send_batch` collects, once a chunk.
    """

    def __init__(
        self, stream: Stream, on_message: Callable[[str, msgspec.Raw], None], send_batch: SendBatch
    ) -> None:
        self._send_batch = send_batch
        self._stream = stream
        self._on_message = on_message
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        # Size 1: a second wake-up before the writer ran would say nothing new.
        self._wake, self._woken = trio.open_memory_channel[None](1)
        self._decoder = EtxDecoder(Limits().unix_message_bytes)
        self._junk_in_row = 0
        self._repeats = LogThrottle()
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether the connection ended."""
        return self._lost

    async def run(self) -> None:
        """Read and write until the link is lost (`LinkLost`, in a group); then call `lose`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, name="klippy writer")
            await self._read()

    def lose(self) -> None:
        """Fail everything that waits; later requests fail at once."""
        self._lost = True
        self._unsent.clear()
        pending, self._pending = self._pending, {}
        for slot in pending.values():
            slot.error = KlippyLost()
            slot.done.set()

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: OnReply | None = None,
        urgent: bool = False,
    ) -> msgspec.Raw:
        """Ask, and wait without limit; raises `ClientError` (400 from Klipper, `KlippyLost`).

        `on_reply` is called when the reply is read, before any later frame is looked at, and
        also when the caller was cancelled meanwhile. `urgent` requests are never refused for
        what else is waiting, and are sent before it.
        """
        if self._lost:
            raise ClientError("Klippy Host not connected", 503)
        if not urgent and len(self._pending) >= PENDING_LIMIT:
            raise ClientError("Too many requests wait for Klippy", 503)
        id_ = next(self._ids)
        self._send(encode_request(method, dict(params or {}), id_), always=urgent, first=urgent)
        slot = self._pending[id_] = _Pending(on_reply)
        try:
            await self._wait(slot, method)
        finally:
            if slot.on_reply is None:
                self._pending.pop(id_, None)
        if slot.error is not None:
            raise slot.error
        assert slot.result is not None
        return slot.result

    def post(self, method: str, params: Mapping[str, Any]) -> None:
        """Ask for something that needs no answer, not even an error."""
        if not self._lost:
            self._send(encode_request(method, dict(params)), always=True)

    async def _wait(self, slot: _Pending, method: str) -> None:
        began = trio.current_time()
        while not slot.done.is_set():
            with trio.move_on_after(PENDING_LOG_S) as scope:
                await slot.done.wait()
            if scope.cancelled_caught:
                waited_s = trio.current_time() - began
                logger.info("%s: no reply from Klippy for %.0f s", method, waited_s)

    def _send(self, request: bytes, *, always: bool, first: bool = False) -> None:
        if not always and self._unsent_bytes + len(request) > UNSENT_LIMIT_BYTES and self._unsent:
            raise ClientError("Klippy Host does not read its requests", 503)
        frame = etx_frame(request)
        if first:
            self._unsent.appendleft(frame)
        else:
            self._unsent.append(frame)
        self._unsent_bytes += len(frame)
        if self._wake.statistics().current_buffer_used == 0:
            self._wake.send_nowait(None)

    async def _write(self) -> None:
        async for _ in self._woken:
            while self._unsent:
                chunk = self._next_chunk()
                if not await self._sent(chunk):
                    # Klipper's last words may be unread: the reader comes to the end by itself.
                    await trio.sleep(LAST_WORDS_S)
                    raise LinkLost("Klipper closed the connection")
                self._unsent_bytes -= len(chunk)

    def _next_chunk(self) -> bytes:
        """Whole frames, no more than an urgent one can wait for."""
        frames = [self._unsent.popleft()]
        size_bytes = len(frames[0])
        while self._unsent and size_bytes + len(self._unsent[0]) <= WRITE_BYTES:
            frames.append(self._unsent.popleft())
            size_bytes += len(frames[-1])
        return b"".join(frames)

    async def _sent(self, chunk: bytes) -> bool:
        try:
            await self._stream.send_all(chunk)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    async def _read(self) -> None:
        while True:
            try:
                data = await receive(self._stream, READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
                raise LinkLost("Klipper closed the connection") from exc
            if not data:
                raise LinkLost("Klipper closed the connection")
            try:
                frames = self._decoder.feed(data)
            except FrameTooLong as exc:
                raise LinkLost(f"Klipper sent {exc}") from exc
            for first in range(0, len(frames), FRAMES_PER_TURN):
                if first:
                    await trio.lowlevel.checkpoint()
                with self._send_batch:
                    for frame in frames[first : first + FRAMES_PER_TURN]:
                        self._take(frame)

    def _take(self, data: bytes) -> None:
        try:
            frame = decode_frame(data)
            if frame.id is not None:
                self._reply(frame)
            elif isinstance(frame.method, str):
                self._on_message(frame.method, frame.params)
            # Else part of a data stream whose template a client left empty: nobody waits for it.
        except JunkFrame as exc:
            self._junk(str(exc))
        else:
            self._junk_in_row = 0

    def _junk(self, reason: str) -> None:
        self._junk_in_row += 1
        line = self._repeats.say("Klipper sent junk", trio.current_time())
        if line is not None:
            logger.warning("%s: %s", line, reason)
        if self._junk_in_row >= JUNK_LIMIT:
            raise LinkLost(f"Klipper sent {JUNK_LIMIT} junk frames in a row")

    def _reply(self, frame: Frame) -> None:
        slot = self._pending.pop(frame.id, None) if type(frame.id) is int else None
        if slot is None:
            logger.debug("dropped a reply that nobody waits for, id %r", frame.id)
            return
        if frame.error is not None:
            slot.error = ClientError(error_message(frame.error), 400)
        else:
            slot.result = frame.result
            if slot.on_reply is not None:
                slot.on_reply(frame.result)
        slot.done.set()
