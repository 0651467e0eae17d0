"""Reads and sends that look at the socket once: when the kernel says that there is something.

Trio's own receive asks the socket before it waits and once more behind the wait, each time with a
buffer of the largest size; its send is a scope and two checkpoints. Plain sockets only: test
streams go the usual way.
"""

import os

import trio

# Nearly all that comes at once fits; a buffer of 64 KB for each read costs more than the read.
USUAL_BYTES = 4096


def plain_descriptor(stream: trio.abc.ReceiveStream) -> int | None:
    """What `read_now` reads from; None for a stream that is no plain socket.

    It is asked for once, so whoever reads has to end before the stream is closed.
    """
    return stream.socket.fileno() if isinstance(stream, trio.SocketStream) else None


def read_now(descriptor: int, most_bytes: int) -> bytes:
    """Return what has come, once `wait_readable` has said so; empty at the end.

    Raises `OSError`; `BlockingIOError` when there is nothing after all.
    """
    data = os.read(descriptor, USUAL_BYTES)
    if len(data) < USUAL_BYTES:
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
