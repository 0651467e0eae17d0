"""The record of one file's estimate, without what makes it: the daemon only reads it."""

import msgspec

from mrk.estimate.segments import Mark


class PhaseTimes(msgspec.Struct):
    """Seconds of a plan in which the toolhead gets faster, keeps its speed, gets slower."""

    acceleration: float = 0.0
    cruise: float = 0.0
    deceleration: float = 0.0


class Estimate(msgspec.Struct, kw_only=True):
    """What one plan sums up to: s, mm, mm/s; `max_flow` in mm3/s.

    The fields up to `layer_times` are those of `klipper_estimator`. `layer_times` are pairs of a
    height and the time of moves at it; `layers` are triples of a layer's height, the second of the
    plan in which it is begun, and all the time until the next. `commands` counts what takes a time
    that is not known (heating, homing, macros), and is not in `total_time`. `start_commands` are
    those of them that stand before the first extrusion, which is at the second `first_extrusion` of
    the plan; None where there is none.
    """

    total_time: float = 0.0
    total_distance: float = 0.0
    total_extrude_distance: float = 0.0
    max_flow: float | None = None
    max_speed: float | None = None
    num_moves: int = 0
    total_z_time: float = 0.0
    total_output_time: float = 0.0
    total_travel_time: float = 0.0
    total_extrude_only_time: float = 0.0
    phase_times: PhaseTimes = msgspec.field(default_factory=PhaseTimes)
    kind_times: dict[str, float] = {}
    layer_times: list[tuple[float, float]] = []
    total_dwell_time: float = 0.0
    sequences: list[float] = []
    layers: list[tuple[float, float, float]] = []
    filament_used: dict[int, float] = {}
    tool_times: dict[int, float] = {}
    object_times: dict[str, float] = {}
    commands: dict[str, int] = {}
    bad_lines: int = 0
    relative_extrusion: bool = False
    start_commands: list[str] = []
    first_extrusion: float | None = None
    marks: list[Mark] = []


def refused_lines(count: int) -> str:
    """What `bad_lines` are, for people."""
    return f"{count} line{'' if count == 1 else 's'} that Klipper would refuse"
