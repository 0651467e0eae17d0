"""The event loop's lag: how late a task came that wanted to run at a stated instant.

Pure; the proc stats sampler notes its own lateness each second, server.nurseries shows it.
"""

from collections import deque

import msgspec

from mrk.metrics.histogram import Histogram

_REMEMBERED = 60
BOUNDS_MS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


class LagMs(msgspec.Struct, frozen=True):
    """Milliseconds: the newest lateness, and the worst of the last 60 that were noted."""

    latest: float
    worst_last_minute: float


class LagHistogram(msgspec.Struct, frozen=True):
    """Lateness since the generation began: how often it was at most each bound (milliseconds).

    `counts` has one more element than `bounds_ms`, for what came later than the last bound; no
    element counts what another one does.
    """

    bounds_ms: tuple[float, ...]
    counts: list[int]
    sum_ms: float


class LoopLag:
    """Remembers a minute of lateness, noted once a second, and counts all of it in `late_s`."""

    def __init__(self) -> None:
        self._late_ms: deque[float] = deque(maxlen=_REMEMBERED)
        self.late_s = Histogram([bound / 1000 for bound in BOUNDS_MS])

    def note(self, late_s: float) -> None:
        """Remember that the loop came `late_s` seconds after the instant it was asked for."""
        late_s = max(late_s, 0.0)
        self._late_ms.append(round(late_s * 1000, 2))
        self.late_s.note(late_s)

    def histogram(self) -> LagHistogram:
        """Return how the lateness is spread."""
        late = self.late_s
        return LagHistogram(BOUNDS_MS, list(late.counts), round(late.total * 1000, 2))

    def lag_ms(self) -> LagMs:
        """Return the lag; zeros before the first note."""
        if not self._late_ms:
            return LagMs(0.0, 0.0)
        return LagMs(self._late_ms[-1], max(self._late_ms))
