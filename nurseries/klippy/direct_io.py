"""Reads and sends that look at the socket once: when the kernel says that there is something.

Trio's own receive asks the socket before it waits and once more behind the wait, each time with a
buffer of the largest size; its send is a scope and two checkpoints. Plain sockets only: test
streams go the usual way.
"""

import os

import trio

# Nearly all that comes at once fits; a buffer of 64 KB for each read costs more than the read.
USUAL_BYTES = 4096


async def receive(stream: trio.abc.ReceiveStream, most_bytes: int) -> bytes:
    """Return what has come; empty at the end.

    Raises as `receive_some` does.
    """
    if not isinstance(stream, trio.SocketStream):
        return bytes(await stream.receive_some(most_bytes))
    while True:
        if stream.socket.fileno() < 0:
            raise trio.ClosedResourceError("closed on this side")
        await trio.lowlevel.wait_readable(stream.socket)
        try:
            return _read(stream.socket.fileno(), most_bytes)
        except BlockingIOError:
            continue  # the kernel dropped a broken packet
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


def try_send(stream: trio.abc.SendStream, data: bytes) -> int:
    """Send what the kernel takes now; returns how many bytes that was.

    Nothing is taken by a connection that is gone, or by a stream that is no plain socket: the
    waiting send will tell.
    """
    if not isinstance(stream, trio.SocketStream):
        return 0
    try:
        return os.write(stream.socket.fileno(), data)
    except OSError:
        return 0
