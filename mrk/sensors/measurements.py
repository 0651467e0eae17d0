"""A sensor's newest values and their series, one sample a second; bounded in every direction.

Pure: `nurseries/sensors` feeds it and calls `sample` at each beat.
"""

import math
from collections import deque
from collections.abc import Mapping

from mrk.shown_value import shown_value

Number = int | float
# None: the sensor said that it has no value now.
Value = Number | None

# A template may take names from the payload, and a payload may hold anything.
MOST_NAMES = 32
NAME_CHARS = 64
# Sums of some millions of them stay finite, and as integers they fit 64 bits.
LARGEST = 1e15


def checked_value(value: object) -> Value:
    """A finite number of a sane size, or null; texts of numbers are taken, truth is 1 or 0.

    Raises `ValueError` with the reason.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return int(value)
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = None
    if not isinstance(number, int | float):
        raise ValueError(f"{shown_value(value)} is not a number")
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError(f"{shown_value(value)} is not a finite number")
    if abs(number) > LARGEST:
        raise ValueError(f"{shown_value(value)} is larger than {LARGEST:g}")
    return number


def checked_name(name: object) -> str:
    """The name of a measurement; raises `ValueError` with the reason."""
    if not isinstance(name, str) or not name or len(name) > NAME_CHARS:
        wanted = f"expected a text of 1 to {NAME_CHARS} characters"
        raise ValueError(f"{shown_value(name)} is not a name ({wanted})")
    return name


class Measurements:
    """The values of one sensor; series hold at most `size` samples."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: dict[str, Value] = {}
        self._series: dict[str, deque[Value]] = {}

    @property
    def values(self) -> Mapping[str, Value]:
        """The newest value of each; empty while nothing is known. Never changed, but replaced."""
        return self._values

    def take(self, values: Mapping[str, Value]) -> None:
        """New values; those that are not named stay. Raises `ValueError` for too many names."""
        merged = {**self._values, **values}
        if len(self._series.keys() | merged.keys()) > MOST_NAMES:
            raise ValueError(f"more than {MOST_NAMES} measurements of one sensor")
        self._values = merged

    def forget(self) -> None:
        """Nothing is known any more; the series stay."""
        self._values = {}

    def sample(self) -> None:
        """The beat: the newest values join their series, new ones or not."""
        for name, value in self._values.items():
            series = self._series.get(name)
            if series is None:
                series = self._series[name] = deque(maxlen=self._size)
            series.append(value)

    def series(self) -> dict[str, list[Value]]:
        """Samples of each measurement, oldest first."""
        return {name: list(series) for name, series in self._series.items()}
