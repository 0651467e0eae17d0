"""The log's last lines, for those who watch it: a ring with a number on each line.

Pure, and not for several threads at once: `nurseries/log/live_log.py` sees to that. Readers ask for
what came after a number, so whoever is slow misses lines and learns how many, and nobody waits.
"""

import logging
from collections import deque
from collections.abc import Iterator

import msgspec

MOST_LINES = 500
MOST_CHARS = 200_000
# Of one line; the file has all of it.
LINE_CHARS = 4_000
LEVELS = ("debug", "info", "warning", "error")


class LogLine(msgspec.Struct, frozen=True):
    """One record: `time` in seconds since 1970, `level` a word of `LEVELS`."""

    seq: int
    time: float
    level: str
    logger: str
    message: str


class LogLines(msgspec.Struct, frozen=True):
    """Lines in order. `next` is what to ask for next, `skipped` how many were lost before them.

    Lines that were left out because of their level are not lost.
    """

    lines: list[LogLine]
    next: int
    skipped: int


def level_word(level: int) -> str:
    """`logging`'s number -> the word of the next lower level."""
    if level >= logging.ERROR:
        return "error"
    if level >= logging.WARNING:
        return "warning"
    return "info" if level >= logging.INFO else "debug"


class RecentLines:
    """At most `most_lines` lines of `most_chars` characters in all."""

    def __init__(self, most_lines: int = MOST_LINES, most_chars: int = MOST_CHARS) -> None:
        self._most_lines = most_lines
        self._most_chars = most_chars
        self._lines: deque[LogLine] = deque()
        self._chars = 0
        self.newest = 0

    def add(self, time: float, level: int, logger: str, message: str) -> None:
        """Keep a line; the oldest give way."""
        if len(message) > LINE_CHARS:
            message = f"{message[:LINE_CHARS]}... ({len(message) - LINE_CHARS} more characters)"
        self.newest += 1
        self._lines.append(LogLine(self.newest, time, level_word(level), logger, message))
        self._chars += len(message)
        while len(self._lines) > self._most_lines or self._chars > self._most_chars:
            self._chars -= len(self._lines.popleft().message)

    def after(self, seq: int, level: str, most: int) -> LogLines:
        """The lines after number `seq` (0: all that are kept) of a level and above.

        Of more than `most` lines the newest. A number from another process, larger than any of
        ours, counts as 0.
        """
        if seq > self.newest:
            seq = 0
        oldest = self._lines[0].seq if self._lines else self.newest + 1
        skipped = max(oldest - seq - 1, 0) if seq else 0
        wanted = LEVELS[LEVELS.index(level) :]
        found = [line for line in self._from(seq) if line.level in wanted]
        # Who asks for all that is kept has not missed what he has no room for.
        skipped += max(len(found) - most, 0) if seq else 0
        return LogLines(found[-most:], self.newest, skipped)

    def _from(self, seq: int) -> Iterator[LogLine]:
        return (line for line in self._lines if line.seq > seq)
