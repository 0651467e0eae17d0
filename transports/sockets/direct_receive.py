"""A receive that looks at the socket once: when the kernel says that there is something.

Trio's own receive asks the socket before it waits and once more behind the wait, each time with a
buffer of the largest size. Plain sockets only: TLS and test streams go the usual way.
"""

import os
from collections.abc import Awaitable

import trio

# Nearly all that comes at once fits; a buffer of 64 KB for each read costs more than the read.
USUAL_BYTES = 4096


class DirectReceive:
    """Receives in two steps, so that who waits keeps Trio's own frames alone, and none of ours.

    Looks through one wrapper (`transport`), such as the door's. Raises as `receive_some` does.
    """

    __slots__ = ("_chunk", "_socket", "_stream")

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        plain = getattr(stream, "transport", stream)
        self._stream = stream
        self._socket = plain.socket if isinstance(plain, trio.SocketStream) else None
        self._chunk: bytes | None = None

    @property
    def descriptor(self) -> int:
        """Of the plain socket, -1 when there is none, or when it is closed."""
        return -1 if self._socket is None else self._socket.fileno()

    async def receive(self, most_bytes: int) -> bytes:
        """Both steps: what has come; empty at the end."""
        while True:
            await self.wait(most_bytes)
            chunk = self.take(most_bytes)
            if chunk is not None:
                return chunk

    def wait(self, most_bytes: int) -> Awaitable[None]:
        """Until `take` has something to give, or the end."""
        if self._socket is None:
            return self._receive(most_bytes)
        descriptor = self._socket.fileno()
        if descriptor < 0:
            raise trio.ClosedResourceError("closed on this side")
        return trio.lowlevel.wait_readable(descriptor)  # noqa: ASYNC105 - the caller awaits it

    async def _receive(self, most_bytes: int) -> None:
        self._chunk = bytes(await self._stream.receive_some(most_bytes))

    def take(self, most_bytes: int) -> bytes | None:
        """What has come; empty at the end, None when it was nothing after all."""
        if self._socket is None:
            chunk, self._chunk = self._chunk, None
            return chunk
        try:
            return _read(self._socket.fileno(), most_bytes)
        except BlockingIOError:
            return None  # the kernel dropped a broken packet
        except OSError as exc:
            raise trio.BrokenResourceError("the connection was lost") from exc


def _read(descriptor: int, most_bytes: int) -> bytes:
    data = os.read(descriptor, min(USUAL_BYTES, most_bytes))
    if len(data) < USUAL_BYTES or most_bytes <= USUAL_BYTES:
        return data
    try:
        return data + os.read(descriptor, most_bytes - USUAL_BYTES)
    except BlockingIOError:
        return data
