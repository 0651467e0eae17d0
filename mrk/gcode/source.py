"""What of a g-code file is read: a window at its head and one at its tail, never all of it.

Pure: a `GcodeSource` hands over bytes at an offset. A file of at most 2 MiB is read whole; of a
larger one the first and the last MiB. A window that holds nothing but comments and images (large
thumbnails, long configuration blocks) grows to at most 8 MiB, so 16 MiB is the budget of a file.
"""

import re
from typing import Protocol

import msgspec

from mrk.definitions.limits import MIB

WINDOW_BYTES = MIB
WINDOW_LIMIT_BYTES = 8 * MIB
# A line that is neither blank nor a comment: a command or a macro, with or without arguments.
COMMAND = re.compile(rb"\n[ \t]{0,64}+([A-Za-z_](?=[\w \t\r\n.;=\"'-]|\Z))")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class GcodeSource(Protocol):
    """A file as the parsers see it."""

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer at the end of the file."""
        ...


class BytesSource:
    """A file that is already in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size_bytes(self) -> int:
        """Length of the data."""
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        """A slice of the data."""
        return self.data[offset : offset + length]


class Window(msgspec.Struct, frozen=True):
    """Head and tail of one file.

    Both begin with a newline that is not in the file, so that every line has one before it: byte
    `i` of `head` is byte `i - 1` of the file, byte `i` of `tail` is byte `tail_offset + i - 1`.
    `tail` is empty when `head` is the whole file.
    """

    head: bytes
    tail: bytes
    tail_offset: int
    size_bytes: int

    @property
    def whole(self) -> bool:
        """Whether every byte of the file is in the window."""
        return not self.tail


def read_window(source: GcodeSource) -> Window:
    """Read head and tail within the budget."""
    size = source.size_bytes
    if size <= 2 * WINDOW_BYTES:
        return Window(_as_lines(source.read_at(0, size)), b"", size, size)
    head = source.read_at(0, WINDOW_BYTES)
    while len(head) < min(WINDOW_LIMIT_BYTES, size) and not COMMAND.search(_as_lines(head)):
        more = source.read_at(len(head), len(head))
        if not more:
            break
        head += more
    start = max(len(head), size - WINDOW_BYTES)
    tail = source.read_at(start, size - start)
    while start > len(head) and len(tail) < WINDOW_LIMIT_BYTES and not COMMAND.search(tail):
        length = min(len(tail) or WINDOW_BYTES, start - len(head))
        start -= length
        tail = source.read_at(start, length) + tail
    if start > len(head):  # the first line of the tail is a part of a line
        cut = tail.find(b"\n") + 1 or len(tail)
        start, tail = start + cut, tail[cut:]
        return Window(_as_lines(head), b"\n" + tail, start, size)
    return Window(_as_lines(head + tail), b"", size, size)


def _as_lines(data: bytes) -> bytes:
    if data.startswith(BYTE_ORDER_MARK):
        return b"\n  \n" + data[3:]
    return b"\n" + data
