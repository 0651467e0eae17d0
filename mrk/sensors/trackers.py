"""Strategies: how the values of a measurement become one field of a job.

A tracker begins with each job, takes every value that comes during it, and can go on from what
was stored when mrk was away meanwhile: what it took since mrk is back counts as well. Pure.
"""

from collections.abc import Callable
from typing import Any, Protocol

from mrk.sensors.measurements import LARGEST, Number

MOST_COLLECTED = 100


class Tracker(Protocol):
    """One strategy."""

    @property
    def value(self) -> Any:
        """The field; None as long as there is none."""

    def begin(self, known: Number | None) -> None:
        """A job begins; `known` is what it starts from, None: nothing."""

    def take(self, value: Number) -> None:
        """A value that counts."""

    def skip(self, value: Number) -> None:
        """A value that does not count: the print is paused."""

    def go_on(self, stored: Any) -> None:
        """The job goes on; `stored` is the field as it was."""


class Basic:
    """The last value."""

    value: Number | None = None

    def begin(self, known: Number | None) -> None:
        """The last known value, or none."""
        self.value = known

    def take(self, value: Number) -> None:
        """It replaces the one before."""
        self.value = value

    def skip(self, value: Number) -> None:
        """As if it had not come."""

    def go_on(self, stored: Any) -> None:
        """What was stored, unless something came since."""
        number = _number(stored)
        if self.value is None:
            self.value = number
        elif number is not None:
            self._join(number, self.value)

    def _join(self, stored: Number, since: Number) -> None:
        self.value = since


class Maximum(Basic):
    """The largest value."""

    def take(self, value: Number) -> None:
        """Count a value."""
        self.value = value if self.value is None else max(self.value, value)

    def _join(self, stored: Number, since: Number) -> None:
        self.value = max(stored, since)


class Minimum(Basic):
    """The smallest value."""

    def take(self, value: Number) -> None:
        """Count a value."""
        self.value = value if self.value is None else min(self.value, value)

    def _join(self, stored: Number, since: Number) -> None:
        self.value = min(stored, since)


class Accumulate:
    """The sum of all values."""

    value: Number = 0

    def begin(self, known: Number | None) -> None:
        """From zero, or from the last known value."""
        self.value = known or 0

    def take(self, value: Number) -> None:
        """Add a value."""
        self.value += value

    def skip(self, value: Number) -> None:
        """As if it had not come."""

    def go_on(self, stored: Any) -> None:
        """On top of what was stored."""
        self.value += _number(stored) or 0


class Delta:
    """How much the measurement changed, for meters that count on."""

    value: Number = 0
    _last: Number | None = None

    def begin(self, known: Number | None) -> None:
        """Counts from the last known value, or from the first one that comes."""
        self.value, self._last = 0, known

    def take(self, value: Number) -> None:
        """Add the difference to the value before."""
        if self._last is not None:
            self.value += value - self._last
        self._last = value

    def skip(self, value: Number) -> None:
        """What the meter counts now is left out."""
        self._last = value

    def go_on(self, stored: Any) -> None:
        """On top of what was stored; what the meter counted meanwhile is not known."""
        self.value += _number(stored) or 0


class Average:
    """The mean of all values, each as heavy as the others."""

    _sum: Number = 0
    _count = 0

    @property
    def value(self) -> float | None:
        """The mean so far."""
        return self._sum / self._count if self._count else None

    def begin(self, known: Number | None) -> None:
        """From nothing; the last known value counts as one."""
        self._sum, self._count = known or 0, 0 if known is None else 1

    def take(self, value: Number) -> None:
        """Count a value."""
        self._sum += value
        self._count += 1

    def skip(self, value: Number) -> None:
        """As if it had not come."""

    def go_on(self, stored: Any) -> None:
        """How many values it was the mean of is not stored: it counts as one."""
        number = _number(stored)
        if number is not None:
            self.take(number)


class Collect:
    """The different values, the newest hundred."""

    def __init__(self) -> None:
        self.value: list[Number] = []

    def begin(self, known: Number | None) -> None:
        """Empty, or with the last known value."""
        self.value = [] if known is None else [known]

    def take(self, value: Number) -> None:
        """Add a value that is not there yet."""
        if value not in self.value:
            self.value = [*self.value, value][-MOST_COLLECTED:]

    def skip(self, value: Number) -> None:
        """As if it had not come."""

    def go_on(self, stored: Any) -> None:
        """What was stored, and then what came since."""
        items = stored if isinstance(stored, list) else []
        since, self.value = self.value, []
        for item in [*items[-MOST_COLLECTED:], *since]:
            number = _number(item)
            if number is not None:
                self.take(number)


STRATEGIES: dict[str, Callable[[], Tracker]] = {
    "basic": Basic,
    "accumulate": Accumulate,
    "delta": Delta,
    "average": Average,
    "maximum": Maximum,
    "minimum": Minimum,
    "collect": Collect,
}


def _number(stored: Any) -> Number | None:
    """From the database, where a person may have written anything."""
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return None
    # Sums may be larger than single values.
    return stored if abs(stored) <= LARGEST * LARGEST else None
