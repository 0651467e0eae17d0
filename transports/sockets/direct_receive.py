"""A receive that looks at the socket once: when the kernel says that there is something.

Trio's own receive asks the socket before it waits and once more behind the wait, each time with a
buffer of the largest size. Plain sockets only: TLS and test streams go the usual way.
"""

import os

import trio

from transports.sockets.plain_socket import plain_socket

# Nearly all that comes at once fits; a buffer of 64 KB for each read costs more than the read.
USUAL_BYTES = 4096


class DirectReceive:
    """Raises as `receive_some` does."""

    __slots__ = ("_socket", "_stream")

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._socket = plain_socket(stream)

    @property
    def descriptor(self) -> int:
        """Of the plain socket, -1 when there is none, or when it is closed."""
        return -1 if self._socket is None else self._socket.fileno()

    async def receive(self, most_bytes: int) -> bytes:
        """What has come; empty at the end."""
        if self._socket is None:
            return bytes(await self._stream.receive_some(most_bytes))
        while True:
            descriptor = self._socket.fileno()
            if descriptor < 0:
                raise trio.ClosedResourceError("closed on this side")
            await trio.lowlevel.wait_readable(descriptor)
            chunk = self.take(most_bytes)
            if chunk is not None:
                return chunk

    def take(self, most_bytes: int) -> bytes | None:
        """What has come to a plain socket, for who has waited elsewhere until it can be read.

        Empty at the end, None when it was nothing after all.
        """
        assert self._socket is not None, "no plain socket"
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
