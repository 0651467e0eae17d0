"""Small files of /proc and /sys that are read again and again on a kept descriptor.

`KeptFile` belongs to the sampler's `serve`, which closes it. Reads never raise: a file that is
away, refused or vanished reads as nothing, and is opened anew at the next read.
"""

import os
from pathlib import Path

# /proc/stat of 500 cores is 40 kB; anything beyond is another file than the one meant.
_READ_LIMIT_BYTES = 65536


class KeptFile:
    """One file, opened at its first read: 1 to 3 us a read, where reopening takes 6 to 10."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def read(self) -> bytes:
        """Return the content as of now, cut at a line end at most 64 kB in; empty when away."""
        try:
            if self._fd is None:
                # Nonblocking: whatever stands at the path must not stop the event loop.
                self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            return _read_all(self._fd)
        except OSError:
            self.close()
            return b""

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _read_all(fd: int) -> bytes:
    # seq_file gives at most a page at a time for files of many records, such as net/dev.
    data = b""
    while chunk := os.pread(fd, _READ_LIMIT_BYTES - len(data), len(data)):
        data += chunk
        if len(data) >= _READ_LIMIT_BYTES:
            return data[: data.rfind(b"\n") + 1]
    return data


def read_once(path: Path) -> bytes:
    """Read a file that is asked for rarely, under the same terms."""
    file = KeptFile(path)
    try:
        return file.read()
    finally:
        file.close()
