"""The log as it is written, for those who watch it: the writer's thread adds, clients read.

Adding never waits for a reader: it holds the handler's lock for microseconds, and rouses sleeping
readers through Trio's queue. Nothing is kept for a reader; `RecentLines` has the bounds.
"""

import contextlib
import logging
from collections.abc import Callable

import trio

from mrk.log.recent_lines import LogLines, RecentLines

# Lines that come on end are handed out together.
GATHER_S = 0.1
# More readers are answered at once, and have to ask again.
MOST_WAITING = 20


class LiveLog(logging.Handler):
    """The handler at the end of the log, and the readers' side of it."""

    def __init__(self) -> None:
        super().__init__()
        self._recent = RecentLines()
        self._rouse: set[Callable[[], None]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; called under the handler's lock, with records that `settle` made."""
        message = record.getMessage()
        if record.exc_text:
            message += "\n" + record.exc_text
        self._recent.add(record.created, record.levelno, record.name, message)
        rouse, self._rouse = self._rouse, set()
        for each in rouse:
            with contextlib.suppress(trio.RunFinishedError):
                each()

    def read(self, seq: int, level: str, most: int) -> LogLines:
        """What came after number `seq`; see `RecentLines.after`."""
        self.acquire()
        try:
            return self._recent.after(seq, level, most)
        finally:
            self.release()

    async def wait(self, seq: int, level: str, most: int) -> LogLines:
        """As `read`, but wait for a line where there is none; ends when cancelled."""
        while True:
            roused = trio.Event()
            wake = _waker(roused)
            self.acquire()
            try:
                found = self._recent.after(seq, level, most)
                if found.lines or found.skipped or len(self._rouse) >= MOST_WAITING:
                    break
                self._rouse.add(wake)
            finally:
                self.release()
            try:
                await roused.wait()
            finally:
                self._forget(wake)
            seq = found.next
            await trio.sleep(GATHER_S)
        await trio.lowlevel.checkpoint()
        return found

    def _forget(self, wake: Callable[[], None]) -> None:
        self.acquire()
        try:
            self._rouse.discard(wake)
        finally:
            self.release()


def _waker(event: trio.Event) -> Callable[[], None]:
    token = trio.lowlevel.current_trio_token()
    return lambda: token.run_sync_soon(event.set)
