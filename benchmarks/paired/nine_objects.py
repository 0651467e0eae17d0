"""Status pushes of nine objects, all of which change in each: the usual load of a print.

Pure. The changed fields are those that a real Klipper sent for each object, one after another, but
for those that begin or end a print: a daemon writes its history then, which no usual push costs.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.klippy_replay import Status, frame

OBJECTS = (
    "toolhead",
    "motion_report",
    "gcode_move",
    "extruder",
    "heater_bed",
    "print_stats",
    "virtual_sdcard",
    "display_status",
    "idle_timeout",
)
_TURNING_POINTS = frozenset({"state", "filename", "message", "file_path", "file_size", "is_active"})
STATUS_METHOD = "process_status_update"
BEAT_S = 0.25


def changes(deltas: Sequence[Status]) -> dict[str, list[dict[str, Any]]]:
    """What each of the nine objects changed to, in order."""
    return {name: list(_of_one(name, deltas)) for name in OBJECTS}


def _of_one(name: str, deltas: Sequence[Status]) -> Iterator[dict[str, Any]]:
    for delta in deltas:
        kept = {k: value for k, value in delta.get(name, {}).items() if k not in _TURNING_POINTS}
        if kept:
            yield kept


def pushes(changed: Mapping[str, Sequence[dict[str, Any]]]) -> Iterator[bytes]:
    """Frames without end; each names all nine objects, and time goes on."""
    cycles = {name: itertools.cycle(fields) for name, fields in changed.items()}
    for beat in itertools.count(1):
        status = {name: next(cycle) for name, cycle in cycles.items()}
        params = {"eventtime": round(6000.0 + beat * BEAT_S, 9), "status": status}
        yield frame({"method": STATUS_METHOD, "params": params})
