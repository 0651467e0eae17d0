"""Where log lines end: the console, and a file that is rotated by size.

Both are used by the log's writer thread only; the file also by a rollover on request, under the
handler's own lock. Neither raises: a full disk is told to stderr, ever more rarely. Rotation is
written here because `logging.handlers` loads pickle and more, 0.5 MB.
"""

import contextlib
import itertools
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from mrk.repeats import Repeats

ROTATE_BYTES = 10_000_000
KEPT_FILES = 5
# A rotation that failed (folder not writable) is not tried again with every line.
_ROTATE_RETRY_S = 60.0


def _tell_stderr(repeats: Repeats, name: str) -> None:
    line = repeats.say(f"mrk: {name}: {sys.exc_info()[1]}", time.monotonic())
    if line is not None and sys.stderr is not None:
        # When that is gone as well, nobody is left to be told.
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


class Console(logging.StreamHandler[Any]):
    """Standard output; a reader that went away costs its lines and nothing else."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._repeats = Repeats()

    def handleError(self, record: logging.LogRecord) -> None:
        """Told to stderr rarely; called while the exception is handled."""
        _tell_stderr(self._repeats, "console log")


class UnbufferedOutput:
    """Writes text straight to a descriptor.

    A buffered stream whose write hangs holds a lock that the interpreter wants at its exit: the
    process would then be aborted (seen with a full pipe as standard output).
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, text: str) -> None:
        """Write all of it; blocks."""
        data = text.encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(self._fd, data) :]

    def flush(self) -> None:
        """Nothing waits here."""


class LogFile(logging.FileHandler):
    """`path` and up to 5 older files of 10 MB (`.1` is the newest of them).

    A file that was deleted or renamed by somebody else is begun anew. Raises `OSError` when it
    cannot be opened at first.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._repeats = Repeats()
        self._retry_at = 0.0

    def roll_over(self) -> None:
        """Begin a fresh file now. Blocks; raises `OSError`."""
        self.acquire()
        try:
            self._rotate()
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, into a new file when the old one is gone."""
        # 2 us a line, in the writer's thread; front ends let people delete logs.
        if self.stream is not None and self._is_gone(self.stream.fileno()):
            self.stream.close()
            # The base class opens the file when it finds none open.
            self.stream = None
        try:
            if self._is_full(record) and time.monotonic() >= self._retry_at:
                self._rotate()
        except OSError:
            self.handleError(record)
        try:
            super().emit(record)
        except OSError:
            # It was closed, and cannot be opened again.
            self.handleError(record)

    def _is_full(self, record: logging.LogRecord) -> bool:
        if self.stream is None:
            self.stream = self._open()
        line_bytes = len(self.format(record)) + 1
        return os.fstat(self.stream.fileno()).st_size + line_bytes >= ROTATE_BYTES

    def _rotate(self) -> None:
        """Begin a new file; raises `OSError`, after which the old one is written on."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        names = [self.baseFilename, *(f"{self.baseFilename}.{n + 1}" for n in range(KEPT_FILES))]
        try:
            for name, older_name in reversed(list(itertools.pairwise(names))):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(name, older_name)
            self.stream = self._open()
        except OSError:
            self._retry_at = time.monotonic() + _ROTATE_RETRY_S
            raise

    def handleError(self, record: logging.LogRecord) -> None:
        """Told to stderr rarely; called while the exception is handled."""
        _tell_stderr(self._repeats, self.baseFilename)

    def _is_gone(self, fd: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self.baseFilename), os.fstat(fd))
        except OSError:
            return True
