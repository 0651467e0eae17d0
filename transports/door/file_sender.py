"""Sends parts of files over plain TCP by `os.sendfile`, in a thread because the disk may block.

Called by `limited_stream.py`, which waits for stalled clients without a thread.
"""

import errno
import os
import select
import time

# A thread stays with a client that reads while it goes on: each visit costs about 0.1 ms. Short,
# because a cancelled send ends after the visit.
VISIT_S = 0.1
_WAIT_MS = 20
_AT_ONCE_BYTES = 1024 * 1024
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT)


class ClientGone(Exception):
    """The other end has closed."""


def send_some(socket_fd: int, descriptor: int, start: int, size_bytes: int) -> int | None:
    """Send from a file for a moment; returns how much went, None when the file ended early.

    0 means that the client takes nothing now. Raises `ClientGone`, and `OSError` of the disk.
    """
    until = time.monotonic() + VISIT_S
    sent = 0
    while sent < size_bytes:
        try:
            count = min(size_bytes - sent, _AT_ONCE_BYTES)
            part = os.sendfile(socket_fd, descriptor, start + sent, count)
        except BlockingIOError:
            if time.monotonic() >= until or not _takes_more(socket_fd):
                return sent
            continue
        except OSError as exc:
            if exc.errno in _GONE:
                raise ClientGone from exc
            raise
        if part == 0:
            return sent or None
        sent += part
        if time.monotonic() >= until:
            return sent
    return sent


def _takes_more(socket_fd: int) -> bool:
    poll = select.poll()
    poll.register(socket_fd, select.POLLOUT)
    return bool(poll.poll(_WAIT_MS))
