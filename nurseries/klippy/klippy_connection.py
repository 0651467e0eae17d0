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
from mrk.klippy.etx import ETX, EtxDecoder, FrameTooLong, etx_frame
from mrk.klippy.link_errors import KlippyLost
from mrk.klippy.messages import Frame, JunkFrame, decode_frame, encode_request, error_message
from mrk.log.throttle import LogThrottle
from nurseries.klippy.direct_io import plain_descriptor, read_now, try_send
from nurseries.klippy.klippy_request import KlippyRequest, OnReply

logger = logging.getLogger(__name__)

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


class KlippyConnection:
    """Requests and replies over one stream; `on_message(method, params)` gets the rest.

    `take_whole(frame)` is asked first whether a frame is one that it has dealt with, unread.
    `answered` hears after how many seconds a request was answered.

    What that fills `send_batch` collects, once a chunk of several frames; what clients ask in one
    chunk too.
    """

    def __init__(
        self,
        stream: Stream,
        take_whole: Callable[[bytes], bool],
        on_message: Callable[[str, msgspec.Raw], None],
        send_batch: SendBatch,
        answered: Callable[[str, float], None] = lambda _method, _after_s: None,
    ) -> None:
        self._send_batch = send_batch
        self._stream = stream
        self._take_whole = take_whole
        self._on_message = on_message
        self._answered = answered
        self._now = trio.lowlevel.current_clock().current_time  # as `trio.current_time`, sooner
        self._ids = itertools.count(1)
        self._pending: dict[int, KlippyRequest] = {}
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0  # of `_unsent`, and of what the writer sends
        self._rest = b""  # of a chunk that the kernel did not take at once
        self._writing = False  # the writer has something to send
        self._flush_due = False
        self._wake = trio.Event()
        self._decoder = EtxDecoder(Limits().unix_message_bytes)
        self._junk_in_row = 0
        self._throttle = LogThrottle()
        # Whether the connection has ended.
        self.lost = False

    async def run(self) -> None:
        """Read and write until the link is lost (`LinkLost`, in a group); then call `lose`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, name="klippy writer")
            nursery.start_soon(self._watch, name="klippy request watch")
            # A task of its own: what it awaits is resumed through one frame less.
            nursery.start_soon(self._read, name="klippy reader")

    def lose(self) -> None:
        """Fail everything that waits; later requests fail at once."""
        self.lost = True
        self._unsent.clear()
        pending, self._pending = self._pending, {}
        for request in pending.values():
            request.complete(KlippyLost())

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
        also when the caller was cancelled meanwhile.
        """
        request = KlippyRequest(self, method, dict(params or {}), on_reply, urgent=urgent)
        request.begin()
        reply = await request.reply()
        if isinstance(reply, ClientError):
            raise reply
        return reply

    def send_request(self, request: KlippyRequest) -> int:
        """Send it as soon as what was asked before is sent; returns its id.

        Raises `ClientError` 503 for a lost link, and when too much waits already.
        """
        if self.lost:
            raise ClientError("Klippy Host not connected", 503)
        urgent = request.urgent
        if not urgent and len(self._pending) >= PENDING_LIMIT:
            raise ClientError("Too many requests wait for Klippy", 503)
        id_ = next(self._ids)
        request.began = self._now()
        data = encode_request(request.method, request.params, id_)
        self._send(data, always=urgent, first=urgent)
        self._pending[id_] = request
        return id_

    def forget_request(self, id_: int) -> None:
        """Nobody waits for the reply."""
        self._pending.pop(id_, None)

    def post(self, method: str, params: Mapping[str, Any]) -> None:
        """Ask for something that needs no answer, not even an error."""
        if not self.lost:
            self._send(encode_request(method, dict(params)), always=True)

    async def _watch(self) -> None:
        """Tell of requests that wait for long; a script may last as long as a print."""
        while True:
            await trio.sleep(PENDING_LOG_S)
            now = self._now()
            for request in self._pending.values():
                if (waited_s := now - request.began) >= PENDING_LOG_S:
                    logger.info("%s: no reply from Klippy for %.0f s", request.method, waited_s)

    def _send(self, request: bytes, *, always: bool, first: bool = False) -> None:
        if not always and self._unsent_bytes + len(request) > UNSENT_LIMIT_BYTES and self._unsent:
            raise ClientError("Klippy Host does not read its requests", 503)
        frame = etx_frame(request)
        if not (self._unsent or self._writing or self._send_batch.depth):
            self._unsent_bytes += len(frame) - self._send_now(frame)  # alone, as nearly all
            return
        if first:
            self._unsent.appendleft(frame)
        else:
            self._unsent.append(frame)
        self._unsent_bytes += len(frame)
        if not self._writing and not self._flush_due:
            # What clients ask in one chunk leaves in one send.
            self._flush_due = self._send_batch.takes(self._flush)
            if not self._flush_due:
                self._flush()

    def _flush(self) -> None:
        self._flush_due = False
        while self._unsent and not self._writing:
            self._unsent_bytes -= self._send_now(self._next_chunk())

    def _send_now(self, chunk: bytes) -> int:
        """Send what the kernel takes at once, and leave the rest to the writer.

        Returns how many bytes that was. Waking the writer for each request costs more than the
        send.
        """
        sent_bytes = try_send(self._stream, chunk)
        if sent_bytes < len(chunk):
            self._rest, self._writing = chunk[sent_bytes:], True
            self._wake.set()
        return sent_bytes

    async def _write(self) -> None:
        """Send what had to wait."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._rest or self._unsent:
                chunk = self._rest or self._next_chunk()
                if not await self._sent(chunk):
                    # Klipper's last words may be unread: the reader comes to the end by itself.
                    await trio.sleep(LAST_WORDS_S)
                    raise LinkLost("Klipper closed the connection")
                self._rest = b""
                self._unsent_bytes -= len(chunk)
            self._writing = False

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
        descriptor = plain_descriptor(self._stream)
        while True:  # noqa: ASYNC913 - each turn waits for bytes
            try:
                if descriptor is None:
                    data = bytes(await self._stream.receive_some(READ_BYTES))
                else:
                    await trio.lowlevel.wait_readable(descriptor)
                    data = read_now(descriptor, READ_BYTES)
            except BlockingIOError:
                continue
            except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as exc:
                raise LinkLost("Klipper closed the connection") from exc
            if not data:
                raise LinkLost("Klipper closed the connection")
            if data.find(ETX) == len(data) - 1 and not self._decoder.pending_bytes:
                # One frame, as nearly always: nothing is collected. A call more for each costs more
                # than what it does.
                if self._take_whole(frame := data[:-1]):
                    self._junk_in_row = 0
                elif frame:
                    self._take_other(frame)
                continue
            try:
                frames = self._decoder.feed(data)
            except FrameTooLong as exc:
                raise LinkLost(f"Klipper sent {exc}") from exc
            await self._take_many(frames)

    async def _take_many(self, frames: list[bytes]) -> None:
        for first in range(0, len(frames), FRAMES_PER_TURN):
            if first:
                await trio.lowlevel.checkpoint()
            with self._send_batch:
                for frame in frames[first : first + FRAMES_PER_TURN]:
                    self._take(frame)

    def _take(self, data: bytes) -> None:
        if self._take_whole(data):
            self._junk_in_row = 0
        else:
            self._take_other(data)

    def _take_other(self, data: bytes) -> None:
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
        self._throttle.log(logger, "Klipper sent junk", trio.current_time(), after=f": {reason}")
        if self._junk_in_row >= JUNK_LIMIT:
            raise LinkLost(f"Klipper sent {JUNK_LIMIT} junk frames in a row")

    def _reply(self, frame: Frame) -> None:
        request = self._pending.pop(frame.id, None) if type(frame.id) is int else None
        if request is None:
            logger.debug("dropped a reply that nobody waits for, id %r", frame.id)
            return
        self._answered(request.method, self._now() - request.began)
        if frame.error is not None:
            request.complete(ClientError(error_message(frame.error), 400))
        else:
            if request.on_reply is not None:
                request.on_reply(frame.result)
            request.complete(frame.result)
