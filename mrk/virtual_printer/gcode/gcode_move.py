"""From g-code coordinates to toolhead positions: G0/G1, modes, offsets, factors, saved states.

Rules of `klippy/extras/gcode_move.py`. Moves leave through a `MoveTarget` (the exclude_object
filter in front of the toolhead). Owned by `Klippy`.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from mrk.virtual_printer.gcode.command import GCodeCommand, read_number
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.planner import Position

AXES = "XYZE"
# Below this a factor would make speeds vanish and positions divide by nothing.
LEAST_PERCENT = 0.01


class MoveTarget(Protocol):
    """Where moves go to."""

    def move(self, end: Position, speed: float) -> None:
        """Queue a line to `end` at `speed` mm/s; raises `CommandError` if refused."""

    def get_position(self) -> Position:
        """The end of the last queued line."""


@dataclass(slots=True)
class _State:
    absolute: bool = True
    absolute_extrude: bool = True
    base: list[float] = field(default_factory=lambda: [0.0] * 4)
    last: list[float] = field(default_factory=lambda: [0.0] * 4)
    origin: list[float] = field(default_factory=lambda: [0.0] * 4)
    speed: float = 25.0
    speed_factor: float = 1.0 / 60.0
    extrude_factor: float = 1.0

    def copy(self) -> "_State":
        return _State(
            self.absolute,
            self.absolute_extrude,
            self.base[:],
            self.last[:],
            self.origin[:],
            self.speed,
            self.speed_factor,
            self.extrude_factor,
        )


class GCodeMove:
    """Holds the coordinate state; `get_status` is the object `gcode_move`."""

    def __init__(self, gcode: GCode, target: MoveTarget) -> None:
        self._gcode = gcode
        self._target = target
        self._state = _State()
        self._saved: dict[str, _State] = {}
        gcode.on_error.append(self.reset_last_position)
        self._register()

    def _register(self) -> None:
        register = self._gcode.register
        for name, handler in (
            ("G1", self._cmd_g1),
            ("G20", self._cmd_g20),
            ("G21", lambda command: None),
            ("M82", self._cmd_m82),
            ("M83", self._cmd_m83),
            ("G90", self._cmd_g90),
            ("G91", self._cmd_g91),
            ("G92", self._cmd_g92),
            ("M220", self._cmd_m220),
            ("M221", self._cmd_m221),
        ):
            register(name, handler)
        register("SET_GCODE_OFFSET", self._cmd_offset, "Set a virtual offset to g-code positions")
        register("SAVE_GCODE_STATE", self._cmd_save, "Save G-Code coordinate state")
        register(
            "RESTORE_GCODE_STATE", self._cmd_restore, "Restore a previously saved G-Code state"
        )
        register("G0", self._cmd_g1)
        register("M114", self._cmd_m114)

    def reset_last_position(self) -> None:
        """Take the target's position for ours, after a refused move, homing or a shutdown."""
        self._state.last = list(self._target.get_position())

    def on_homed(self, axes: str) -> None:
        """Homing ends offsets set by G92 on those axes."""
        self.reset_last_position()
        for axis in axes:
            index = AXES.index(axis.upper())
            self._state.base[index] = self._state.origin[index]

    @property
    def extruder_position(self) -> float:
        """E of the last move in toolhead millimetres."""
        return self._state.last[3]

    @property
    def extrude_factor(self) -> float:
        """M221's factor."""
        return self._state.extrude_factor

    def gcode_position(self) -> list[float]:
        """The last position as the g-code sees it."""
        state = self._state
        place = [a - b for a, b in zip(state.last, state.base, strict=True)]
        place[3] /= state.extrude_factor
        return place

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `gcode_move`."""
        state = self._state
        return {
            "speed_factor": state.speed_factor * 60.0,
            "speed": state.speed / state.speed_factor,
            "extrude_factor": state.extrude_factor,
            "absolute_coordinates": state.absolute,
            "absolute_extrude": state.absolute_extrude,
            "homing_origin": state.origin[:],
            "position": state.last[:],
            "gcode_position": self.gcode_position(),
            "axis_map": {"X": 0, "Y": 1, "Z": 2, "E": 3},
        }

    def _move(self, speed: float) -> None:
        x, y, z, e = self._state.last
        self._target.move((x, y, z, e), speed)

    def _cmd_g1(self, command: GCodeCommand) -> None:
        state = self._state
        params = command.params
        try:
            for index, axis in enumerate(AXES):
                if axis not in params:
                    continue
                value = read_number(params[axis])
                absolute = state.absolute
                if axis == "E":
                    value *= state.extrude_factor
                    absolute = absolute and state.absolute_extrude
                base = state.base[index] if absolute else state.last[index]
                state.last[index] = base + value
            if "F" in params:
                speed = read_number(params["F"])
                if speed <= 0.0:
                    raise CommandError(f"Invalid speed in '{command.line}'")
                state.speed = speed * state.speed_factor
        except ValueError:
            raise CommandError(f"Unable to parse move '{command.line}'") from None
        self._move(state.speed)

    def _cmd_g20(self, command: GCodeCommand) -> None:
        raise CommandError("Machine does not support G20 (inches) command")

    def _cmd_m82(self, command: GCodeCommand) -> None:
        self._state.absolute_extrude = True

    def _cmd_m83(self, command: GCodeCommand) -> None:
        self._state.absolute_extrude = False

    def _cmd_g90(self, command: GCodeCommand) -> None:
        self._state.absolute = True

    def _cmd_g91(self, command: GCodeCommand) -> None:
        self._state.absolute = False

    def _cmd_g92(self, command: GCodeCommand) -> None:
        state = self._state
        given = [command.get_optional(axis) for axis in AXES]
        if all(value is None for value in given):
            state.base = state.last[:]
        for index, value in enumerate(given):
            if value is not None:
                scale = state.extrude_factor if index == 3 else 1.0
                state.base[index] = state.last[index] - value * scale

    def _cmd_m114(self, command: GCodeCommand) -> None:
        x, y, z, e = self.gcode_position()
        self._gcode.respond_raw(f"X:{x:.3f} Y:{y:.3f} Z:{z:.3f} E:{e:.3f}")

    def _cmd_m220(self, command: GCodeCommand) -> None:
        state = self._state
        factor = max(command.get_float("S", 100.0, above=0.0), LEAST_PERCENT) / 6000.0
        state.speed = state.speed / state.speed_factor * factor
        state.speed_factor = factor

    def _cmd_m221(self, command: GCodeCommand) -> None:
        state = self._state
        factor = max(command.get_float("S", 100.0, above=0.0), LEAST_PERCENT) / 100.0
        e = (state.last[3] - state.base[3]) / state.extrude_factor
        state.base[3] = state.last[3] - e * factor
        state.extrude_factor = factor

    def _cmd_offset(self, command: GCodeCommand) -> None:
        state = self._state
        shift = [0.0] * 4
        for index, axis in enumerate(AXES):
            offset = command.get_optional(axis)
            if offset is None:
                adjust = command.get_optional(axis + "_ADJUST")
                if adjust is None:
                    continue
                offset = state.origin[index] + adjust
            shift[index] = offset - state.origin[index]
            state.base[index] += shift[index]
            state.origin[index] = offset
        if command.get_int("MOVE", 0):
            speed = command.get_float("MOVE_SPEED", state.speed, above=0.0)
            state.last = [a + b for a, b in zip(state.last, shift, strict=True)]
            self._move(speed)

    def _cmd_save(self, command: GCodeCommand) -> None:
        self.save(command.get("NAME", "default"))

    def save(self, name: str) -> None:
        """Remember the whole coordinate state under `name`."""
        self._saved[name] = self._state.copy()

    def _cmd_restore(self, command: GCodeCommand) -> None:
        speed = command.get_optional("MOVE_SPEED")
        move = bool(command.get_int("MOVE", 0))
        self.restore(command.get("NAME", "default"), move=move, speed=speed)

    def restore(self, name: str, *, move: bool, speed: float | None) -> None:
        """Go back to a saved state, moving there as well if `move`; E goes on where it is."""
        saved = self._saved.get(name)
        if saved is None:
            raise CommandError(f"Unknown g-code state: {name}")
        last = self._state.last
        self._state = state = saved.copy()
        state.base[3] += last[3] - saved.last[3]
        state.last = last
        if move:
            state.last[:3] = saved.last[:3]
            self._move(state.speed if speed is None else speed)
