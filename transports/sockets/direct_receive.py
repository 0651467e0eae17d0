"""A receive that looks at the socket once: when the kernel says that there is something.

Trio's own receive asks the socket before it waits and once more behind the wait, each time with a
buffer of the largest size. Plain sockets only: TLS and test streams go the usual way.
"""

import os

import trio

# Nearly all that comes at once fits; a buffer of 64 KB for each read costs more than the read.
USUAL_BYTES = 4096


async def receive(stream: trio.abc.ReceiveStream, most_bytes: int) -> bytes:
    """Return what has come; empty at the end.

    Looks through one wrapper (`transport`), such as the door's. Raises as `receive_some` does.
    """
    plain = getattr(stream, "transport", stream)
    if not isinstance(plain, trio.SocketStream):
        return bytes(await stream.receive_some(most_bytes))
    while True:
        descriptor = plain.socket.fileno()
        if descriptor < 0:
            raise trio.ClosedResourceError("closed on this side")
        await trio.lowlevel.wait_readable(descriptor)
        try:
            return _read(plain.socket.fileno(), most_bytes)
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
