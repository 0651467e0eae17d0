"""The compiled kernel where it was built, the planner in Python elsewhere.

Both keep to one interface (`estimate.PlannerPort`) and give the same numbers.
"""

import importlib
import struct
from types import ModuleType
from typing import Any

from mrk.estimate.planner import FAN_S, START_S
from mrk.estimate.planner import Planner as PythonPlanner
from mrk.estimate.printer_limits import TOOLS_LIMIT, PrinterLimits, Retraction

# As in kernel.h.
RESULTS = 2
_SLOWDOWNS = {"radius": 1.0, "x": 2.0, "turn": 3.0}


def kernel() -> ModuleType | None:
    """The compiled planner; None if there was no compiler when mrk was installed.

    Nor is one used that was built from older sources: it gives other results.
    """
    try:
        compiled = importlib.import_module("mrk.estimate._kernel")
    except ImportError:
        return None
    return compiled if getattr(compiled, "RESULTS", 1) == RESULTS else None


def new_planner(
    limits: PrinterLimits,
    *,
    relative_e: bool = False,
    mark_s: float = 1.0,
    excluded: frozenset[bytes] = frozenset(),
    excluded_from: int = 0,
) -> Any:
    """A planner for one file; names of objects in capitals, as Klipper compares them."""
    compiled = kernel()
    if compiled is None:
        return PythonPlanner(
            limits,
            relative_e=relative_e,
            mark_s=mark_s,
            excluded=excluded,
            excluded_from=excluded_from,
        )
    packed = packed_limits(limits, relative_e, mark_s, excluded_from)
    return compiled.Planner(packed, tuple(sorted(excluded)))


def packed_limits(
    limits: PrinterLimits, relative_e: bool = False, mark_s: float = 1.0, excluded_from: int = 0
) -> bytes:
    """What the kernel is made with, as doubles."""
    numbers = _numbers(limits, relative_e, mark_s, excluded_from)
    return struct.pack(f"={len(numbers)}d", *numbers)


def _numbers(
    limits: PrinterLimits, relative_e: bool, mark_s: float, excluded_from: int
) -> list[float]:
    """In the order of `Numbers` in kernel.h, then three for each extruder."""
    slow, back = limits.slowdown, limits.retraction
    extruders = limits.extruders[:TOOLS_LIMIT]
    return [
        limits.max_velocity,
        limits.max_accel,
        limits.minimum_cruise_ratio,
        limits.square_corner_velocity,
        limits.max_z_velocity,
        limits.max_z_accel,
        float(limits.z_ratio),
        *((_SLOWDOWNS[slow.kind], slow.first, slow.second) if slow else (0.0, 0.0, 0.0)),
        limits.arc_mm or 0.0,
        *((1.0, *_retraction(back)) if back else (0.0, 0.0, 0.0, 0.0, 0.0)),
        *limits.home,
        float(relative_e),
        mark_s,
        START_S,
        FAN_S,
        float(excluded_from),
        float(len(extruders)),
        *(
            number
            for one in extruders
            for number in (one.max_velocity, one.max_accel, one.instant_corner_velocity)
        ),
    ]


def _retraction(back: Retraction) -> tuple[float, float, float, float]:
    return (
        back.retract_length,
        back.retract_speed,
        back.unretract_extra_length,
        back.unretract_speed,
    )
