"""The event loop's lag: how late a task came that wanted to run at a stated instant.

Pure; the proc stats sampler notes its own lateness each second, server.nurseries shows it.
"""

from collections import deque

import msgspec

_REMEMBERED = 60


class LagMs(msgspec.Struct, frozen=True):
    """Milliseconds: the newest lateness, and the worst of the last 60 that were noted."""

    latest: float
    worst_last_minute: float


class LoopLag:
    """Remembers a minute of lateness, noted once a second."""

    def __init__(self) -> None:
        self._late_ms: deque[float] = deque(maxlen=_REMEMBERED)

    def note(self, late_s: float) -> None:
        """Remember that the loop came `late_s` seconds after the instant it was asked for."""
        self._late_ms.append(round(max(late_s, 0.0) * 1000, 2))

    def lag_ms(self) -> LagMs:
        """Return the lag; zeros before the first note."""
        if not self._late_ms:
            return LagMs(0.0, 0.0)
        return LagMs(self._late_ms[-1], max(self._late_ms))
