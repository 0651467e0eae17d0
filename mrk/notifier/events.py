"""Events that notifiers may be told of, and what makes one of them happen.

Names are Moonraker's where it has the event. Pure: `nurseries/notifier` feeds it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mrk.jobs.print_stats import JobEvent

REMOTE_ACTION = "remote_action"
PROGRESS = "progress"
SHUTDOWN = "shutdown"
QUEUE_EMPTY = "queue_empty"
FILAMENT_RUNOUT = "filament_runout"
# These give way first when more happens than may be sent.
MINOR = frozenset({REMOTE_ACTION, PROGRESS})
RUNOUT_SENSORS = ("filament_switch_sensor ", "filament_motion_sensor ")

_JOB_EVENTS = {
    JobEvent.STARTED: "started",
    JobEvent.PAUSED: "paused",
    JobEvent.RESUMED: "resumed",
    JobEvent.COMPLETED: "complete",
    JobEvent.ERROR: "error",
    JobEvent.CANCELLED: "cancelled",
}


def job_event(event: JobEvent) -> str | None:
    """The name of what happened to a job; None for what nobody is told of."""
    return _JOB_EVENTS.get(event)


def is_wanted(event: str, wanted: Sequence[str]) -> bool:
    """Whether one of `wanted` names the event; `*` names all that happens to jobs."""
    return event in wanted or ("*" in wanted and event in _JOB_EVENTS.values())


class ProgressMarks:
    """Which percentages of a print have been reached, each told once."""

    def __init__(self, marks: Sequence[int]) -> None:
        self.marks = tuple(sorted(set(marks)))
        self._told = 0

    def begin(self, percent: float = 0.0) -> None:
        """A print begins, or is met at `percent`: what lies behind it is not told."""
        self._told = int(percent)

    def is_reached(self, percent: float) -> bool:
        """Whether `reached` has something to tell."""
        return bool(self._passed(percent))

    def reached(self, percent: float) -> int | None:
        """The highest mark between what was told last and now; None when there is none."""
        passed = self._passed(percent)
        if not passed:
            return None
        self._told = passed[-1]
        return passed[-1]

    def _passed(self, percent: float) -> list[int]:
        return [mark for mark in self.marks if self._told < mark <= percent]


class RunoutSensors:
    """Filament sensors of the printer: tells which one has just lost its filament."""

    def __init__(self) -> None:
        self._detected: dict[str, bool] = {}
        self._enabled: dict[str, bool] = {}

    def forget(self) -> None:
        """The printer is gone."""
        self._detected.clear()
        self._enabled.clear()

    def take(self, delta: Mapping[str, Any]) -> list[str]:
        """Changed printer objects come in; sensors that are enabled and have run out go out."""
        lost = []
        for name, fields in delta.items():
            if not name.startswith(RUNOUT_SENSORS) or not isinstance(fields, Mapping):
                continue
            self._enabled[name] = bool(fields.get("enabled", self._enabled.get(name, True)))
            detected = fields.get("filament_detected")
            if not isinstance(detected, bool):
                continue
            before = self._detected.get(name)
            self._detected[name] = detected
            if before and not detected and self._enabled[name]:
                lost.append(name)
        return lost
