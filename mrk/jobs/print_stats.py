"""Klipper's `print_stats`, read with care, and what its changes mean.

`changes` compares two looks at the printer and says what happened to the job in between. States
of forks are carried as they are. Pure; `nurseries/jobs/job_state.py` feeds it.
"""

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.status.numbers import finite

PRINTING = "printing"
PAUSED = "paused"
STANDBY = "standby"
ACTIVE = frozenset({PRINTING, PAUSED})
ENDED = frozenset({"complete", "cancelled", "error"})


class JobEvent(enum.StrEnum):
    """What can happen to a job."""

    STANDBY = "standby"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ERROR = "error"


_ENDS = {
    "complete": JobEvent.COMPLETED,
    "cancelled": JobEvent.CANCELLED,
    "error": JobEvent.ERROR,
}


class PrintStats(msgspec.Struct, frozen=True):
    """The object `print_stats` (klippy/extras/print_stats.py): durations in seconds, filament
    in mm. `total_duration` counts pauses, `print_duration` begins with the first filament."""

    state: str = STANDBY
    filename: str = ""
    total_duration: float = 0.0
    print_duration: float = 0.0
    filament_used: float = 0.0
    message: str = ""

    @property
    def is_active(self) -> bool:
        """Whether a print is under way, paused or not."""
        return self.state in ACTIVE

    @property
    def is_printing(self) -> bool:
        """Whether a print is under way that is not paused."""
        return self.state == PRINTING

    def merged(self, delta: Mapping[str, Any]) -> "PrintStats":
        """These stats with changed fields; what does not fit is left out, infinity is 0."""
        changed: dict[str, Any] = {}
        for name in ("state", "filename", "message"):
            if isinstance(delta.get(name), str):
                changed[name] = delta[name]
        for name in ("total_duration", "print_duration", "filament_used"):
            value = delta.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                changed[name] = finite(value) or 0.0
        return msgspec.structs.replace(self, **changed)

    def moved(self, delta: msgspec.Raw) -> "PrintStats | None":
        """These stats with the figures of the same print, from the JSON of changed fields.

        None when more than that may have changed: `merged` and `changes` tell what.
        """
        try:
            changed = _decode_changed(delta)
        except (msgspec.DecodeError, RecursionError):
            return None
        if changed.state is not None or changed.filename is not None or changed.message is not None:
            return None
        total = self.total_duration if changed.total_duration is None else changed.total_duration
        if total < self.total_duration or (self.state in ENDED and total > self.total_duration):
            return None  # another print
        printed, used = changed.print_duration, changed.filament_used
        return PrintStats(
            self.state,
            self.filename,
            total,
            self.print_duration if printed is None else printed,
            self.filament_used if used is None else used,
            self.message,
        )


class _Changed(msgspec.Struct):
    """Changed fields of `print_stats`, where the numbers are numbers; None is no change."""

    state: Any = None
    filename: Any = None
    message: Any = None
    total_duration: float | None = None
    print_duration: float | None = None
    filament_used: float | None = None


_decode_changed = msgspec.json.Decoder(_Changed).decode


def changes(old: PrintStats, new: PrintStats) -> list[JobEvent]:
    """What happened between two looks, in order; empty when nothing did.

    Klipper reports every 0.25 s, so a short print may begin and end between two looks.
    """
    if new.is_active:
        return _into_active(old, new)
    if new.state in _ENDS:
        end = _ENDS[new.state]
        if _is_another(old, new) and new.filename:
            return [JobEvent.STARTED, end]
        return [end] if new.state != old.state else []
    if new.state == STANDBY and old.state != STANDBY:
        return [JobEvent.STANDBY]
    return []


def missed(old: PrintStats, new: PrintStats) -> bool:
    """Whether `new` shows the end of a print that had not begun in `old`, which is of any age."""
    if new.state not in _ENDS or not new.filename:
        return False
    return _is_another(old, new)


def _into_active(old: PrintStats, new: PrintStats) -> list[JobEvent]:
    if not old.is_active or _is_another(old, new):
        begun = [JobEvent.STARTED]
    elif old.state == PAUSED and new.state == PRINTING:
        return [JobEvent.RESUMED]
    else:
        begun = []
    return [*begun, JobEvent.PAUSED] if new.state == PAUSED != old.state else begun


def _is_another(old: PrintStats, new: PrintStats) -> bool:
    """Whether `new` is of another print: durations of one print only grow, and stand when it
    has ended."""
    if old.filename != new.filename:
        return True
    if old.is_active:
        return new.total_duration < old.total_duration
    return new.total_duration != old.total_duration
