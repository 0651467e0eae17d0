"""A video device's node, opened to be asked what it is. Blocks; belongs to the thread that asks."""

import errno
import fcntl
import os
from typing import Protocol


class VideoNode(Protocol):
    """An open node. `ask` fills the buffer; False when there is no such index, or no answer."""

    def ask(self, request: int, buffer: bytearray) -> bool: ...

    def close(self) -> None: ...


class OpenedNode:
    """A node of this host."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def ask(self, request: int, buffer: bytearray) -> bool:
        """`VideoNode.ask`, by ioctl."""
        while True:
            try:
                fcntl.ioctl(self._fd, request, buffer)
            except OSError as exc:
                if exc.errno != errno.EINTR:
                    return False
            else:
                return True

    def close(self) -> None:
        """Give it back."""
        os.close(self._fd)


def open_node(path: str) -> VideoNode | None:
    """Open a node without waiting for its hardware; None when it may not or cannot be opened."""
    try:
        return OpenedNode(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return None
