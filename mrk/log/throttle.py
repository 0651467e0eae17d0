"""Equal lines at growing intervals: the first at once, the next ones ever more rarely.

Time comes in as an argument. One `LogThrottle` belongs to whoever logs, and dies with it.
"""

import logging
from collections import OrderedDict

import msgspec


class _Seen(msgspec.Struct):
    due: float
    interval_s: float
    kept_back: int = 0


class LogThrottle:
    """Decides whether a line that may repeat is said again; remembers `most` different ones."""

    def __init__(
        self, *, first_s: float = 1.0, factor: float = 4.0, limit_s: float = 3600.0, most: int = 100
    ) -> None:
        self._first_s = first_s
        self._factor = factor
        self._limit_s = limit_s
        self._most = most
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def say(self, text: str, now: float) -> str | None:
        """Return what to log at `now` (seconds on any steady clock), or None to stay quiet.

        A line that was kept back n times says so when its turn comes. One that was not heard
        of for twice the limit starts anew.
        """
        seen = self._seen.get(text)
        if seen is None or now - seen.due > 2 * self._limit_s:
            self._remember(text, _Seen(now + self._first_s, self._first_s))
            return text
        if now < seen.due:
            seen.kept_back += 1
            return None
        kept_back, seen.kept_back = seen.kept_back, 0
        seen.interval_s = min(seen.interval_s * self._factor, self._limit_s)
        seen.due = now + seen.interval_s
        return f"{text} ({kept_back} more since the last such line)" if kept_back else text

    def log(
        self,
        logger: logging.Logger,
        text: str,
        now: float,
        *,
        after: str = "",
        level: int = logging.WARNING,
        exc_info: bool = False,
    ) -> None:
        """Log `text` at `now` unless it is kept back; `after` follows it and may differ."""
        line = self.say(text, now)
        if line is not None:
            logger.log(level, "%s%s", line, after, exc_info=exc_info, stacklevel=2)

    def _remember(self, text: str, seen: _Seen) -> None:
        self._seen[text] = seen
        self._seen.move_to_end(text)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
