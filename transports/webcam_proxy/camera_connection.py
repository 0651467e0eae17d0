"""One connection to a camera: connects, asks, and reads the answer's body as it comes.

Opened for one request by whoever needs it, closed with its block. Every wait has a deadline.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import trio

from config.settings.webcam_proxy import CameraTarget
from mrk.errors import MrkError
from mrk.http.chunked import ChunkedDecoder
from mrk.http.refusal import Refusal
from mrk.webcams.camera_answer import HEAD_BYTES, BadAnswer, CameraAnswer, parse_answer

# Name look-up included.
CONNECT_S = 5.0
# A camera that just starts takes some seconds for its first picture.
HEAD_S = 10.0
# Without a byte; the slowest time-lapse streams have a picture in 10 s.
SILENCE_S = 30.0
_RECEIVE_BYTES = 128 * 1024
# Chunks of one byte each cost the event loop 8 ms in so many bytes.
_RECEIVE_CHUNKED_BYTES = 16 * 1024
_INTERIM_ANSWERS = 5
# Small cameras end lines as they like (RFC 9112, section 2.2).
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class CameraAway(MrkError):
    """The camera cannot be reached, or stopped to answer; the text says why."""


async def connect(target: CameraTarget) -> trio.SocketStream:
    """A connection, to be closed by the caller; raises `CameraAway`."""
    try:
        with trio.fail_after(CONNECT_S):
            return await trio.open_tcp_stream(target.host, target.port)
    except (OSError, UnicodeError) as exc:
        raise CameraAway(f"{target.host} port {target.port} cannot be reached") from exc
    except trio.TooSlowError as exc:
        raise CameraAway(f"{target.host} port {target.port} does not answer") from exc


# Raises `CameraAway`.
OpenCamera = Callable[[CameraTarget], Awaitable[trio.abc.Stream]]


class CameraConnection:
    """`answer` is known once `ask` has returned; `rest` then is what came behind its head."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.answer = CameraAnswer(0, (), False, 0)
        self.rest = b""
        self._decoder: ChunkedDecoder | None = None
        self._missing: int | None = None

    async def ask(self, request: bytes, *, to_head: bool = False, upgrade: bool = False) -> None:
        """Send a request and read the answer's head; raises `CameraAway`.

        Only one that is for an `upgrade` may be answered with 101.
        """
        try:
            with trio.fail_after(HEAD_S):
                await self._stream.send_all(request)
                for _ in range(_INTERIM_ANSWERS):
                    self.answer = parse_answer(await self._head(), to_head=to_head)
                    if self.answer.status >= 200 or (upgrade and self.answer.status == 101):
                        break
                else:
                    raise BadAnswer("the answer has no end of interim answers")
        except BadAnswer as exc:
            raise CameraAway(str(exc)) from exc
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise CameraAway("the camera closed the connection") from exc
        except trio.TooSlowError as exc:
            raise CameraAway(f"the camera has not answered in {HEAD_S:g} s") from exc
        self._decoder = ChunkedDecoder() if self.answer.chunked else None
        self._missing = self.answer.length

    async def _head(self) -> bytes:
        data = self.rest
        while True:
            end = _HEAD_END.search(data)
            if end is not None:
                self.rest = data[end.end() :]
                return data[: end.start()]
            if len(data) > HEAD_BYTES:
                raise BadAnswer("the answer's head is too long")
            more = await self._stream.receive_some(HEAD_BYTES)
            if not more:
                what = "the answer has no end of its head" if data else "it did not answer"
                raise BadAnswer(what)
            data += more

    async def receive(self, silence_s: float = SILENCE_S) -> bytes:
        """More of the body, empty at its end; raises `CameraAway` when it breaks off."""
        data, self.rest = self.rest, b""
        part = self._decoded(data) if data else b""
        while not part and not self._ended:
            data = await self._receive(silence_s)
            if data:
                part = self._decoded(data)
            elif self._decoder is None and self._missing is None:
                return b""
            else:
                raise CameraAway("the camera closed the connection")
        return part

    @property
    def _ended(self) -> bool:
        return self._missing == 0 or (self._decoder is not None and self._decoder.done)

    async def _receive(self, silence_s: float) -> bytes:
        most_bytes = _RECEIVE_BYTES if self._decoder is None else _RECEIVE_CHUNKED_BYTES
        try:
            with trio.fail_after(silence_s):
                return bytes(await self._stream.receive_some(most_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise CameraAway("the camera closed the connection") from exc
        except trio.TooSlowError as exc:
            raise CameraAway(f"the camera sent nothing for {silence_s:g} s") from exc

    def _decoded(self, data: bytes) -> bytes:
        if self._decoder is not None:
            try:
                return self._decoder.feed(data)
            except Refusal as exc:
                raise CameraAway("the camera's answer is broken") from exc
        if self._missing is not None:
            data = data[: self._missing]
            self._missing -= len(data)
        return data

    async def whole(self, most_bytes: int) -> bytes:
        """The whole body; raises `CameraAway` for more than `most_bytes`."""
        parts: list[bytes] = []
        size_bytes = 0
        while part := await self.receive():
            size_bytes += len(part)
            if size_bytes > most_bytes:
                raise CameraAway(f"the camera's answer has more than {most_bytes} bytes")
            parts.append(part)
        return b"".join(parts)


@contextlib.asynccontextmanager
async def asked(
    open_camera: OpenCamera, target: CameraTarget, request: bytes, *, to_head: bool = False
) -> AsyncIterator[CameraConnection]:
    """A connection on which the head of the answer was read; raises `CameraAway`."""
    stream = await open_camera(target)
    try:
        connection = CameraConnection(stream)
        await connection.ask(request, to_head=to_head)
        yield connection
    finally:
        await trio.aclose_forcefully(stream)
