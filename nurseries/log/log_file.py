"""The log file: rotated by size, begun anew when somebody deleted it, written without a buffer.

Used by the log's writer thread, and by a rollover on request, under the handler's own lock. A line
that cannot be written (a full disk) is told to stderr, counted, and never waits: what a buffer kept
would come up again at every close. Rotation is written here because `logging.handlers` loads pickle
and more, 0.5 MB.
"""

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from mrk.log.throttle import LogThrottle
from nurseries.log.destinations import tell_stderr

ROTATE_BYTES = 10_000_000
KEPT_FILES = 5
# A rotation that failed (folder not writable) is not tried again with every line.
_ROTATE_RETRY_S = 60.0
# A pipe that nobody reads is refused: it would be waited for, before anything runs.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK


class LogFile(logging.Handler):
    """`path` and up to 5 older files of 10 MB (`.1` is the newest of them).

    A file that was deleted or renamed by somebody else is begun anew. Raises `OSError` when it
    cannot be opened at first. `write` is `os.write`.
    """

    def __init__(self, path: Path, *, write: Callable[[int, bytes], int] = os.write) -> None:
        super().__init__()
        self.path = path.absolute()
        self._os_write = write
        self._throttle = LogThrottle()
        self._retry_at = 0.0
        self._lost = 0
        # The disk took a part of a line only; the next one begins on a line of its own.
        self._is_torn = False
        self._fd: int | None = self._open()

    def roll_over(self) -> None:
        """Begin a fresh file now. Blocks; raises `OSError`."""
        self.acquire()
        try:
            self._rotate()
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, into a new file when the old one is gone; before it, what was lost."""
        try:
            if self._lost:
                self._put(_lost_record(self._lost))
                self._lost = 0
            self._put(record)
        except OSError:
            self._lost += 1
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Told to stderr rarely; called while the exception is handled."""
        tell_stderr(self._throttle, str(self.path))

    def close(self) -> None:
        """Nothing waits to be written; does not raise."""
        self.acquire()
        try:
            self._close()
        finally:
            self.release()
        super().close()

    def _put(self, record: logging.LogRecord) -> None:
        data = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        fd = self._current()
        if self._is_full(fd, len(data)) and time.monotonic() >= self._retry_at:
            try:
                fd = self._rotate()
            except OSError:
                self.handleError(record)
                fd = self._current()
        if self._is_torn:
            data = b"\n" + data
        self._write(fd, data)

    def _write(self, fd: int, data: bytes) -> None:
        left = data
        try:
            while left:
                left = left[self._os_write(fd, left) :]
        finally:
            if len(left) != len(data):
                self._is_torn = bool(left)

    def _current(self) -> int:
        """The open file; raises `OSError` when it is gone and cannot be made again."""
        # 2 us a line, in the writer's thread; front ends let people delete logs.
        if self._fd is not None and self._is_gone(self._fd):
            self._close()
        if self._fd is None:
            self._fd = self._open()
        return self._fd

    def _is_gone(self, fd: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(fd))
        except OSError:
            return True

    @staticmethod
    def _is_full(fd: int, line_bytes: int) -> bool:
        return os.fstat(fd).st_size + line_bytes >= ROTATE_BYTES

    def _rotate(self) -> int:
        """Begin a new file; raises `OSError`, after which the old one is written on."""
        names = [str(self.path), *(f"{self.path}.{n + 1}" for n in range(KEPT_FILES))]
        try:
            for name, older_name in reversed(list(itertools.pairwise(names))):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(name, older_name)
            new = self._open()
        except OSError:
            self._retry_at = time.monotonic() + _ROTATE_RETRY_S
            raise
        self._close()
        self._fd = new
        return new

    def _open(self) -> int:
        fd = os.open(self.path, _FLAGS, 0o666)
        self._is_torn = False
        return fd

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            # A network file system may tell only now what it did not store; the file is closed.
            with contextlib.suppress(OSError):
                os.close(fd)


def _lost_record(lost: int) -> logging.LogRecord:
    message = f"{lost} log lines before this one could not be written"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, None, None)
