"""One file's estimate: pieces of text go to a planner, its sums become a record.

`Estimation` is fed by whoever reads the file, and may be left at any time. Memory is bounded
whatever the file says: so many layers, kinds, objects and marks are kept apart, and no more.
"""

from collections.abc import Callable
from typing import Any, Protocol

from mrk.estimate.first_extrusions import begins_relative
from mrk.estimate.kernel_choice import new_planner
from mrk.estimate.plan_clock import PlanClock, seconds_at
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate
from mrk.estimate.segments import MOVING, NO_LAYER, Mark, Segment
from mrk.estimate.start_commands import StartCommands

HEAD_BYTES = 65536
LAYERS_LIMIT = 20_000
TOOLS_LIMIT = 100


class PlannerPort(Protocol):
    """The kernel, or the planner in Python."""

    bad_lines: int
    clock: float

    def feed(self, data: bytes, /) -> tuple[list[Segment], list[Mark]]: ...

    def finish(self) -> tuple[list[Segment], list[Mark]]: ...

    def peaks(self) -> tuple[float, float]: ...

    def names(self) -> tuple[list[bytes], list[bytes], dict[bytes, int]]: ...


class Estimation:
    """Adds up one file."""

    def __init__(
        self,
        limits: PrinterLimits,
        *,
        new: Callable[..., PlannerPort] = new_planner,
        **options: Any,
    ) -> None:
        """`new` makes the planner with `options`."""
        self._limits = limits
        self._new = new
        self._options = options
        self._head = b""
        self._planner: PlannerPort | None = None
        self._relative = False
        self._estimate = Estimate()
        self._clock = PlanClock()
        self._start = StartCommands()
        self._fed_bytes = 0
        self._kinds: dict[int, float] = {}
        self._objects: dict[int, float] = {}
        self._heights: dict[int, float] = {}
        self._layers: dict[int, list[float]] = {}
        self._layer = NO_LAYER
        self._sequences: dict[int, float] = {}
        self._begun = 0.0

    @property
    def clock(self) -> float:
        """Seconds planned so far."""
        return self._planner.clock if self._planner is not None else 0.0

    def feed(self, data: bytes) -> None:
        """Take a piece of the file; the first ones are held until they show how E is meant."""
        self._fed_bytes += len(data)
        self._start.feed(data)
        if self._planner is None:
            self._head += data
            if len(self._head) >= HEAD_BYTES:
                self._begin()
            return
        self._add(*self._planner.feed(data))

    def finish(self) -> Estimate:
        """The file is at its end."""
        planner = self._begin() if self._planner is None else self._planner
        self._add(*planner.finish())
        found = self._estimate
        speed, flow = planner.peaks()
        area = self._limits.extruders[0].filament_area
        found.max_speed = speed or None
        found.max_flow = flow * area or None
        kinds, objects, commands = planner.names()
        found.kind_times = _named(kinds, self._kinds)
        found.object_times = _named(objects, self._objects)
        found.commands = {_text(name): count for name, count in commands.items()}
        found.bad_lines = planner.bad_lines
        found.relative_extrusion = self._relative
        found.layer_times = [(um / 1000, s) for um, s in sorted(self._heights.items())]
        found.layers = [(um / 1000, *times) for um, times in self._layers.items()]  # type: ignore[misc]
        found.sequences = list(self._sequences.values())
        found.marks = self._clock.marks
        self._add_start()
        return found

    def _add_start(self) -> None:
        found, start = self._estimate, self._start
        found.start_commands = start.names
        if start.first_extrusion is not None:
            found.first_extrusion = seconds_at(
                found.marks, found.total_time, self._fed_bytes, start.first_extrusion
            )

    def _begin(self) -> PlannerPort:
        head, self._head = self._head, b""
        self._relative = begins_relative(head)
        self._planner = self._new(self._limits, relative_e=self._relative, **self._options)
        self._add(*self._planner.feed(head))
        return self._planner

    def _add(self, segments: list[Segment], marks: list[Mark]) -> None:
        for mark in marks:
            self._clock.add(mark)
        found = self._estimate
        phases = found.phase_times
        for segment in segments:
            kind, item, tool, height, layer, sequence, moves, time = segment[:8]
            up, cruise, down, travel, output, alone, distance, e, dwell = segment[8:]
            whole = time + dwell
            found.num_moves += int(moves)
            found.total_time += whole
            found.total_distance += distance
            found.total_extrude_distance += e
            found.total_output_time += output
            found.total_travel_time += travel
            found.total_extrude_only_time += alone
            found.total_dwell_time += dwell
            phases.acceleration += up
            phases.cruise += cruise
            phases.deceleration += down
            self._kinds[kind] = self._kinds.get(kind, 0.0) + whole
            self._sequences[sequence] = self._sequences.get(sequence, 0.0) + whole
            if item:
                self._objects[item] = self._objects.get(item, 0.0) + whole
            if tool in found.filament_used or len(found.filament_used) < TOOLS_LIMIT:
                found.filament_used[tool] = found.filament_used.get(tool, 0.0) + e
                found.tool_times[tool] = found.tool_times.get(tool, 0.0) + whole
            if height == MOVING:
                found.total_z_time += time
            elif height in self._heights or len(self._heights) < LAYERS_LIMIT:
                self._heights[height] = self._heights.get(height, 0.0) + time
            self._add_layer(layer, whole)

    def _add_layer(self, layer: int, time: float) -> None:
        if layer != NO_LAYER and layer not in self._layers and len(self._layers) < LAYERS_LIMIT:
            self._layers[layer] = [self._begun, 0.0]
        if layer in self._layers:
            self._layer = layer
        if self._layer != NO_LAYER:
            self._layers[self._layer][1] += time
        self._begun += time


def _named(names: list[bytes], times: dict[int, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, time in times.items():
        name = _text(names[number])
        found[name] = found.get(name, 0.0) + time
    return found


def _text(name: bytes) -> str:
    return name.decode(errors="replace")
