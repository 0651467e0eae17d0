"""The console as an end of log lines, and what the log says when a line cannot be written.

Used by the log's writer thread only. It does not raise: trouble is told to stderr, ever more
rarely.
"""

import contextlib
import logging
import os
import sys
import time
from typing import Any

from mrk.log.throttle import LogThrottle


def tell_stderr(throttle: LogThrottle, name: str) -> None:
    """Say what is being handled, unless it was said just now; called in an `except`."""
    line = throttle.say(f"mrk: {name}: {sys.exc_info()[1]}", time.monotonic())
    if line is not None and sys.stderr is not None:
        # When that is gone or closed as well, nobody is left to be told.
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)


class Console(logging.StreamHandler[Any]):
    """Standard output; a reader that went away costs its lines and nothing else."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._throttle = LogThrottle()

    def handleError(self, record: logging.LogRecord) -> None:
        """Told to stderr rarely; called while the exception is handled."""
        tell_stderr(self._throttle, "console log")


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
