"""Carries log records from any thread to the log's writer thread, without making anyone wait.

At the bound (1,000 records of at most 32,000 characters) a record is dropped and counted, and the
writer says how many were. The thread is started and stopped by `open_log`.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence

from mrk.log.formatters import Redact, complete, settle

# A start with every section logs some 200 lines, a traceback is one.
QUEUE_RECORDS = 1_000

_Records = queue.Queue[logging.LogRecord | None]


class LineQueue(logging.Handler):
    """The handler that producers see: a few microseconds, never a wait."""

    def __init__(self, records: _Records) -> None:
        super().__init__()
        self._records = records
        self._dropped = 0
        # Of this configuration and of the one before: its parts may still be ending.
        self._redactors: tuple[Redact, ...] = ()

    def hide(self, redact: Redact) -> None:
        """Take secrets out of every line from now on."""
        self._redactors = (*self._redactors[-1:], redact)

    def emit(self, record: logging.LogRecord) -> None:
        """Detach the record from the caller's objects and hand it over, or count it as dropped.

        Called under the handler's lock.
        """
        try:
            self._records.put_nowait(settle(record, self._redact if self._redactors else None))
        except queue.Full:
            self._dropped += 1
        except Exception:
            # A line of wrong arguments: told to stderr, as every handler of `logging` does.
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """As the base class does; a standard error that was closed must not reach who logs."""
        with contextlib.suppress(ValueError):
            super().handleError(record)

    def _redact(self, text: str) -> str:
        for redact in self._redactors:
            text = redact(text)
        return text

    def take_dropped(self) -> int:
        """Return how many records were dropped since the last call."""
        self.acquire()
        try:
            dropped, self._dropped = self._dropped, 0
            return dropped
        finally:
            self.release()


class LogWriter:
    """The thread that writes what `LineQueue` hands over."""

    def __init__(self, destinations: Sequence[logging.Handler]) -> None:
        self._destinations = destinations
        self._records: _Records = queue.Queue(QUEUE_RECORDS)
        self.lines = LineQueue(self._records)
        # A daemon thread: a dead disk must not hold the exit of the process.
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, flush_s: float) -> bool:
        """Write what is waiting, for at most `flush_s`; false when that was not enough."""
        ends_at = time.monotonic() + flush_s
        try:
            self._records.put(None, timeout=flush_s)
        except queue.Full:
            return False
        self._thread.join(max(ends_at - time.monotonic(), 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (record := self._records.get()) is not None:
            self._write(record)
            dropped = self.lines.take_dropped()
            if dropped:
                self._write(_dropped_record(dropped))

    def _write(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):  # source that is no text any more: the line stays
            complete(record)
        for destination in self._destinations:
            try:
                destination.handle(record)
            except Exception:
                # The end of this thread would be the end of the log: whatever went wrong, the
                # line is lost for that destination alone, which says so.
                with contextlib.suppress(Exception):
                    destination.handleError(record)


def _dropped_record(dropped: int) -> logging.LogRecord:
    message = f"{dropped} log lines dropped: they came faster than they could be written"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, None, None)
