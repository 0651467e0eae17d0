"""Medians and percentiles of small samples, and a rate that a baseline is taken from.

Pure; the measurements of this package use it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

NS_PER_S = 1_000_000_000
NS_PER_US = 1000


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle; raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all values do not exceed (nearest rank).

    `percent` is above 0 and at most 100; raises ValueError otherwise, or without values.
    """
    if not values:
        raise ValueError("no values")
    if not 0 < percent <= 100:
        raise ValueError(f"{percent} is no percentage of values")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time that passed beside wall time, both in nanoseconds."""

    cpu_ns: int
    wall_ns: int

    def share(self) -> float:
        """Processor time per wall time: 1.0 is one core."""
        return self.cpu_ns / self.wall_ns if self.wall_ns else 0.0

    def us_per(self, count: int, baseline_share: float = 0.0) -> float:
        """Microseconds of processor time for each of `count` things.

        `baseline_share` of the wall time is what the process spends anyway and is taken off;
        what remains is never less than zero.
        """
        if count <= 0:
            raise ValueError("nothing was done")
        own_ns = self.cpu_ns - baseline_share * self.wall_ns
        return max(own_ns, 0.0) / NS_PER_US / count
