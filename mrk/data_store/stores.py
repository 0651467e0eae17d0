"""Histories for the front ends: temperatures once a second, and the console's lines.

Rules only; sampled and filled by `nurseries/data_store`. Both live in memory and are lost
when mrk ends, but outlive restarts of the printer.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

EntryType = Literal["command", "response"]
Series = deque[float | int | None]
# Field of a sensor's status -> name of its series.
_SERIES = {
    "temperature": "temperatures",
    "target": "targets",
    "power": "powers",
    "speed": "speeds",
}


class GcodeEntry(msgspec.Struct, frozen=True, gc=False):
    """One console line; `time` is Unix time."""

    message: str
    time: float
    type: EntryType


class GcodeStore:
    """The newest `size` console lines."""

    def __init__(self, size: int) -> None:
        self._entries: deque[GcodeEntry] = deque(maxlen=max(0, size))

    def add(self, message: str, time: float, kind: EntryType) -> None:
        """Record a line; a blank command is none."""
        if kind == "response" or message.strip():
            self._entries.append(GcodeEntry(message, time, kind))

    def newest(self, count: int = 0) -> list[GcodeEntry]:
        """The newest `count` entries, oldest first; 0: all, negative: without so many oldest."""
        return list(self._entries)[-count:]


class TemperatureStore:
    """One series per sensor and quantity, of at most `size` samples."""

    def __init__(self, size: int) -> None:
        self._size = max(0, size)
        self._sensors: dict[str, dict[str, Series]] = {}
        self._last: dict[tuple[str, str], float | int | None] = {}
        self._monitors: frozenset[str] = frozenset()

    @property
    def sensors(self) -> list[str]:
        """Names of the printer objects that are sampled."""
        return list(self._sensors)

    def configure(
        self,
        sensors: Sequence[str],
        monitors: Sequence[str],
        status: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Take the sensors of a printer that became ready, with their first values.

        Series that exist already continue; what the printer no longer reports is dropped.
        """
        known, self._sensors = self._sensors, {}
        self._monitors = frozenset(monitors)
        for name in dict.fromkeys((*sensors, *monitors)):
            fields = [field for field in _SERIES if field in status.get(name, {})]
            if fields:
                old = known.get(name, {})
                self._sensors[name] = {
                    field: old.get(field, deque(maxlen=self._size)) for field in fields
                }
        self._last = {
            (name, field): self._last.get((name, field), None if name in self._monitors else 0.0)
            for name, series in self._sensors.items()
            for field in series
        }
        self._note(status)

    def sample(self, status: Mapping[str, Mapping[str, Any]]) -> None:
        """Append one sample to every series; what `status` does not tell is repeated."""
        self._note(status)
        for name, fields in self._sensors.items():
            for field, series in fields.items():
                series.append(self._last[name, field])

    def series(
        self, *, include_monitors: bool = False
    ) -> dict[str, dict[str, list[float | int | None]]]:
        """Sensor -> `temperatures`, `targets`, `powers`, `speeds`, oldest first."""
        return {
            name: {_SERIES[field]: list(series) for field, series in fields.items()}
            for name, fields in self._sensors.items()
            if include_monitors or name not in self._monitors
        }

    def _note(self, status: Mapping[str, Mapping[str, Any]]) -> None:
        for name, fields in self._sensors.items():
            known = status.get(name, {})
            for field in fields:
                if field in known:
                    self._note_value(name, field, known[field])

    def _note_value(self, name: str, field: str, value: Any) -> None:
        if isinstance(value, float | int) and not isinstance(value, bool):
            self._last[name, field] = round(value, 2)
        elif value is None and name in self._monitors:
            self._last[name, field] = None
