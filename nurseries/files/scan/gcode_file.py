"""A g-code file on disk as the pure parsers read it; opened once, so that name and bytes agree.

Used in the scan worker and by `mrk metadata`, never in the event loop.
"""

import os
import stat
from types import TracebackType
from typing import Self

from mrk.errors import MrkError


class NotAFile(MrkError):
    """The path leads to a folder, a pipe or a device."""


class GcodeFile:
    """Implements `mrk.gcode.source.GcodeSource`; a context manager."""

    def __init__(self, path: bytes | str | os.PathLike[str]) -> None:
        # Not blocking: opening a pipe that nobody writes to would hang.
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        status = os.fstat(self.fd)
        self.size_bytes = status.st_size
        self.mtime_ns = status.st_mtime_ns
        if not stat.S_ISREG(status.st_mode):
            os.close(self.fd)
            raise NotAFile("not a regular file")

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`."""
        chunks: list[bytes] = []
        while length > 0 and (chunk := os.pread(self.fd, length, offset)):
            chunks.append(chunk)
            offset += len(chunk)
            length -= len(chunk)
        return b"".join(chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self.fd)
