"""Reads one request body into memory, within its bounds.

Run by the connection's task; ends with the body, or with a `Refusal` that ends the connection.
"""

import msgspec
import trio

from mrk.http.chunked import ChunkedDecoder
from mrk.http.refusal import Refusal
from transports.door.address_budget import AddressBudget
from transports.door.answer_budget import AnswerBudget

RECEIVE_BYTES = 64 * 1024
# Of a chunked body: in chunks of one byte these take 5 ms, and others wait meanwhile.
CHUNKED_RECEIVE_BYTES = 16 * 1024
# Less than this within the idle limit is no progress: a byte now and then would hold a
# connection for ever.
PROGRESS_BYTES = 8 * 1024


class BodyBudget(AddressBudget):
    """Bytes of bodies that all connections may hold together; `turn` is for large ones.

    `answers` is the same for what is sent.
    """

    turn: trio.Lock = msgspec.field(default_factory=trio.Lock)
    answers: AnswerBudget = msgspec.field(default_factory=AnswerBudget)

    def take(self, size_bytes: int, address: str) -> None:
        """Account for more; raises `Refusal` 503 when one address or all of them hold too much."""
        if not self.has_room(size_bytes, address):
            raise Refusal(503, "Too many large requests at once: try again later")
        self.hold(size_bytes, address)


class BodyReader:
    """`read` returns the body; `rest` then holds what came behind it.

    `idle_s` is the longest time in which nothing worth counting arrives, `limit_bytes` the
    largest body.
    """

    def __init__(
        self, stream: trio.abc.ReceiveStream, rest: bytes, idle_s: float, limit_bytes: int
    ) -> None:
        self._stream = stream
        self.rest = rest
        self._idle_s = idle_s
        self._limit_bytes = limit_bytes
        self._body = bytearray()
        self._read_bytes = 0

    async def read(self, body_bytes: int | None, budget: BodyBudget, address: str) -> bytes:
        """Read a body of that length, None for a chunked one, for a client of that address.

        Raises `Refusal`: 400 broken, 408 too slow, 413 too large, 503 over the
        budget of one address or of all.
        Raises `trio.BrokenResourceError` when the client goes before the end.
        """
        decoder = None if body_bytes is not None else ChunkedDecoder()
        most = RECEIVE_BYTES if decoder is None else CHUNKED_RECEIVE_BYTES
        deadline, counted = trio.current_time() + self._idle_s, 0
        while True:
            part = self._cut(body_bytes) if decoder is None else decoder.feed(self.rest)
            self._grow(part, budget, address)
            if decoder is not None:
                self.rest = decoder.rest
            if decoder.done if decoder is not None else len(self._body) == body_bytes:
                body, self._body = bytes(self._body), bytearray()  # not held twice
                return body
            if len(self._body) - counted >= PROGRESS_BYTES:
                deadline, counted = trio.current_time() + self._idle_s, len(self._body)
            self.rest = await self._receive(deadline, most)

    @property
    def held_bytes(self) -> int:
        """What was taken from the budget; the caller gives it back when the body is used up."""
        return self._read_bytes

    def _cut(self, body_bytes: int | None) -> bytes:
        assert body_bytes is not None
        missing = body_bytes - len(self._body)
        part, self.rest = self.rest[:missing], self.rest[missing:]
        return part

    def _grow(self, part: bytes, budget: BodyBudget, address: str) -> None:
        if len(self._body) + len(part) > self._limit_bytes:
            raise too_large(self._limit_bytes)
        budget.take(len(part), address)
        self._body += part
        self._read_bytes += len(part)

    async def _receive(self, deadline: float, most_bytes: int) -> bytes:
        with trio.CancelScope(deadline=deadline) as scope:
            data = await self._stream.receive_some(most_bytes)
        if scope.cancelled_caught:
            raise Refusal(408, "The request's body did not arrive in time")
        if not data:
            raise trio.BrokenResourceError("the client left within a request")
        return bytes(data)


def too_large(limit_bytes: int) -> Refusal:
    """The refusal of a body over its limit."""
    return Refusal(413, f"The request's body is larger than {limit_bytes} bytes")
