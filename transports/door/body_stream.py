"""One request with a body that is streamed, and its answer: the door's side of transfers.

Made by the connection for one request, used by that request's task alone; ends with the answer.
"""

import contextlib
from collections.abc import Callable

import trio

from mrk.clients.accepting import Accepting
from mrk.definitions.limits import Limits
from mrk.http.chunked import ChunkedDecoder
from mrk.http.framing import Framing
from mrk.http.head import RequestHead
from mrk.http.refusal import Refusal
from mrk.http.response import Response, wire
from mrk.metrics.request_counts import Tally
from transports.door.body_reader import CHUNKED_RECEIVE_BYTES, PROGRESS_BYTES, too_large
from transports.door.limited_stream import LimitedStream

# Upload bodies come in pieces of at most this size; larger ones cost memory, smaller ones time.
RECEIVE_BYTES = 256 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyStream:
    """Implements `mrk.http.exchange.Exchange`; `rest` is what came behind the body.

    `answered` says that an answer was sent, or begun, `endless` that its end is the connection's;
    `refused` is called when one comes before the body was read, `counts` counts answers by status.
    Time in which the body's reader does not ask for more does not count as the client's.
    """

    def __init__(
        self,
        stream: LimitedStream,
        head: RequestHead,
        frame: Framing,
        rest: bytes,
        limits: Limits,
        refused: Callable[[], None] = lambda: None,
        counts: Tally | None = None,
        accepting: Accepting | None = None,
    ) -> None:
        self.head = head
        self.rest = rest
        self.answered = False
        self.endless = False
        self._stream = stream
        self._frame = frame
        self._limits = limits
        self._refused = refused
        self._counts = Tally() if counts is None else counts
        self._accepting = Accepting() if accepting is None else accepting
        self._decoder = ChunkedDecoder() if frame.body_bytes is None else None
        self._missing = frame.body_bytes or 0
        self._lost = False  # nobody can tell any more where the request ends
        self._continue_due = frame.expects_continue and not rest
        self._waited_s = 0.0  # since enough came to count as progress
        self._uncounted_bytes = 0

    @property
    def body_bytes(self) -> int | None:
        """Length of the request's body, None for a chunked one."""
        return self._frame.body_bytes

    @property
    def body_read(self) -> bool:
        """Whether the connection stands at the end of the request."""
        return self._missing == 0 if self._decoder is None else self._decoder.done

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow the answer."""
        goes_on = self._frame.keep_alive and not self._accepting.stopped
        return goes_on and self.body_read and not self.endless

    async def receive(self) -> bytes:
        """The next part of the body; see `Exchange`."""
        try:
            while not self.body_read:
                data, self.rest = self.rest, b""
                part = self._cut(data or await self._receive())
                if part:
                    return part
        except Refusal:
            self._lost = True
            raise
        return b""

    def _cut(self, data: bytes) -> bytes:
        if self._decoder is not None:
            part = self._decoder.feed(data)
            self.rest = self._decoder.rest
            return part
        if len(data) > self._missing:
            data, self.rest = data[: self._missing], data[self._missing :]
        self._missing -= len(data)
        return data

    async def _receive(self) -> bytes:
        if self._continue_due:
            self._continue_due = False
            await self._stream.send_all(CONTINUE)
        began = trio.current_time()
        with trio.CancelScope(deadline=began + self._limits.body_idle_s - self._waited_s) as scope:
            most = RECEIVE_BYTES if self._decoder is None else CHUNKED_RECEIVE_BYTES
            data = await self._stream.receive_some(most)
        if scope.cancelled_caught:
            raise Refusal(408, "The request's body did not arrive in time")
        if not data:
            raise trio.BrokenResourceError("the client left within a request")
        self._waited_s += trio.current_time() - began
        self._uncounted_bytes += len(data)
        if self._uncounted_bytes >= PROGRESS_BYTES:
            self._waited_s, self._uncounted_bytes = 0.0, 0
        return bytes(data)

    async def skip(self) -> None:
        """Read to the body's end; see `Exchange`."""
        limit_bytes = self._limits.unread_body_bytes
        skipped_bytes = 0
        with trio.move_on_after(self._limits.unread_body_s) as scope:
            while self._missing <= limit_bytes - skipped_bytes:
                part = await self.receive()
                if not part:
                    return
                skipped_bytes += len(part)
        if scope.cancelled_caught:
            raise Refusal(408, "The request's body did not arrive in time")
        raise too_large(limit_bytes)

    async def _skip_unread(self) -> None:
        """Before an answer that came early, so that the connection outlives it where it can.

        A proxy that still sends a body when its connection is closed drops its own client.
        """
        if self.body_read or self._lost or self._continue_due or not self._frame.keep_alive:
            return
        self._refused()
        with contextlib.suppress(Refusal, trio.BrokenResourceError):
            await self.skip()

    async def answer(self, response: Response) -> None:
        """Send a whole answer, behind the body where that is short enough to be read."""
        await self._skip_unread()
        self._counts[response.status] += 1
        is_head = self.head.method == "HEAD"
        await self._stream.send_whole(wire(response, self.keep_alive, self._old, is_head))
        self.answered = True

    async def answer_file(
        self, response: Response, descriptor: int, start: int, size_bytes: int
    ) -> None:
        """Send an answer whose body is a part of a file."""
        self._counts[response.status] += 1
        top = wire(response, self.keep_alive, self._old, head=True, body_bytes=size_bytes)
        await self._stream.send_whole(top)
        if self.head.method != "HEAD":
            await self._stream.send_file(descriptor, start, size_bytes)
        self.answered = True

    async def begin_answer(self, response: Response) -> None:
        """Send the head of an answer without a length; see `Exchange`."""
        await self._skip_unread()
        self._counts[response.status] += 1
        self.endless = self.answered = True
        self._stream.end_when_unheard()
        is_head = self.head.method == "HEAD"
        top = wire(response, keep_alive=False, old=self._old, head=is_head, endless=True)
        await self._stream.send_all(top)

    async def send_part(self, data: bytes) -> None:
        """Send more of an answer that was begun."""
        await self._stream.send_all(data)

    @property
    def transport(self) -> object:
        """The connection's own stream; see `Exchange`."""
        return self._stream.transport

    async def wait_left(self) -> None:
        """Return when the client has left."""
        with contextlib.suppress(trio.BrokenResourceError):
            while await self._stream.receive_some(CHUNKED_RECEIVE_BYTES):
                pass

    @property
    def _old(self) -> bool:
        return self.head.http_version == "1.0"
