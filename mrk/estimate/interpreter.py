"""The state of Klipper's g-code interpreter, as far as moves depend on it.

Coordinates, offsets, factors, saved states, retraction, excluded objects (Klipper's `gcode_move`,
`firmware_retraction`, `exclude_object`). Each method is a command; it raises `BadLine` for
what Klipper would refuse, and has changed nothing then.
"""

from typing import NamedTuple

from mrk.estimate.arcs import chords
from mrk.estimate.motion import Motion
from mrk.estimate.printer_limits import PrinterLimits, Retraction
from mrk.estimate.segments import NAME_BYTES, OBJECTS_LIMIT
from mrk.estimate.words import BadLine, number

Parameters = dict[bytes, bytes]
STATES_LIMIT = 16
# Below them a plan would take ages that nobody meant.
LEAST_SPEED = LEAST_ACCEL = 1e-6
_AXES = (b"X", b"Y", b"Z", b"E")


class _State(NamedTuple):
    last: tuple[float, ...]
    base: tuple[float, ...]
    homing: tuple[float, ...]
    speed: float
    factor: float
    flow: float
    absolute: bool
    absolute_e: bool


class Interpreter:
    """Coordinates and modes; `motion` gets the moves."""

    def __init__(
        self,
        limits: PrinterLimits,
        motion: Motion,
        *,
        relative_e: bool,
        excluded: frozenset[bytes],
        excluded_from: int,
    ) -> None:
        self.offset = 0  # where the running line ends
        self._limits = limits
        self._motion = motion
        self._last = [*limits.home, 0.0]
        self._base = [0.0] * 4
        self._homing = [0.0] * 4
        self._speed, self._factor, self._flow = 25.0, 1.0 / 60.0, 1.0
        self._absolute, self._absolute_e = True, not relative_e
        self._axes = (0, 1, 2)
        self._retraction = limits.retraction
        self._retracted = False
        self._states: dict[bytes, _State] = {}
        self._excluded = set(excluded)
        self._excluded_from = excluded_from
        self._object = b""
        self._ignoring = False

    # Moves

    def straight(
        self, x: float | None, y: float | None, z: float | None, e: float | None, f: float | None
    ) -> None:
        """G0 and G1."""
        if f is not None:
            if f < LEAST_SPEED:
                raise BadLine
            self._speed = f * self._factor
        last, base = self._last, self._base
        if self._absolute:
            if x is not None:
                last[0] = x + base[0]
            if y is not None:
                last[1] = y + base[1]
            if z is not None:
                last[2] = z + base[2]
        else:
            for axis, value in enumerate((x, y, z)):
                last[axis] += value or 0.0
        if e is not None:
            e *= self._flow
            if self._absolute and self._absolute_e:
                last[3] = e + base[3]
            else:
                last[3] += e
        self._go(self._speed)

    def _go(self, speed: float) -> None:
        last = self._last
        if self._ignoring and self.offset > self._excluded_from:
            self._motion.e = last[3]  # the printer stays where it is, and extrudes nothing
            return
        self._motion.to(last[0], last[1], last[2], last[3], speed, self.offset)

    def move(self, parameters: Parameters) -> None:
        """G0 and G1 in any spelling."""
        values = [_number(parameters, name) for name in (*_AXES, b"F")]
        self.straight(*values)

    def arc(self, parameters: Parameters, clockwise: bool) -> None:
        """G2 and G3."""
        resolution = self._limits.arc_mm
        assert resolution is not None
        if not self._absolute or b"R" in parameters:
            raise BadLine
        last, base = self._last, self._base
        start = (last[0] - base[0], last[1] - base[1], last[2] - base[2])
        found = [_number(parameters, name) for name in _AXES[:3]]
        x, y, z = (at if value is None else value for at, value in zip(start, found, strict=True))
        middle = [_number(parameters, name) or 0.0 for name in (b"I", b"J", b"K")]
        alpha, beta, _ = self._axes
        e, f = _number(parameters, b"E"), _number(parameters, b"F")
        if not (middle[alpha] or middle[beta]) or (f is not None and f < LEAST_SPEED):
            raise BadLine
        count, ends = chords(
            start, (x, y, z), (middle[alpha], middle[beta]), self._axes, clockwise, resolution
        )
        e_base = (last[3] - base[3]) / self._flow if e is not None and self._absolute_e else 0.0
        step = 0.0 if e is None else (e - e_base) / count
        for point in ends:
            if self._absolute_e:
                e_base += step
            self.straight(*point, (e_base if self._absolute_e else step) if step else None, f)

    def plane(self, alpha: int, beta: int, rise: int) -> None:
        """G17, G18 and G19."""
        self._axes = (alpha, beta, rise)

    def retract(self, back: bool) -> None:
        """G10, and G11 which takes it back."""
        settings = self._retraction
        assert settings is not None
        if self._retracted is not back:
            return
        self._retracted = not back
        length, speed = -settings.retract_length, settings.retract_speed
        if back:
            length = settings.retract_length + settings.unretract_extra_length
            speed = settings.unretract_speed
        # Klipper writes them into a script with five decimals, and whole mm a minute.
        length = round(length * 1e5) / 1e5 * self._flow
        self._last[3] += length
        self._go(int(speed * 60.0) * self._factor)
        self._base[3] += length

    def home(self, parameters: Parameters) -> None:
        """G28: where the toolhead is after it; how long it takes is not known."""
        named = [axis for axis in range(3) if _AXES[axis] in parameters]
        for axis in named or range(3):
            self._last[axis] = self._limits.home[axis]
            self._base[axis] = self._homing[axis]
        self._motion.x, self._motion.y, self._motion.z = self._last[:3]

    # Coordinates

    def set_absolute(self, absolute: bool) -> None:
        """G90 and G91."""
        self._absolute = absolute

    def set_absolute_e(self, absolute: bool) -> None:
        """M82 and M83."""
        self._absolute_e = absolute

    def set_position(self, parameters: Parameters) -> None:
        """G92."""
        values = [_number(parameters, name) for name in _AXES]
        everything = all(value is None for value in values)
        for axis, value in enumerate(values):
            if value is not None or everything:
                shift = (value or 0.0) * (self._flow if axis == 3 else 1.0)
                self._base[axis] = self._last[axis] - shift

    def speed_factor(self, parameters: Parameters) -> None:
        """M220."""
        factor = _percent(parameters) / 60.0
        self._speed = self._speed / self._factor * factor
        self._factor = factor

    def flow_factor(self, parameters: Parameters) -> None:
        """M221."""
        flow = _percent(parameters)
        value = (self._last[3] - self._base[3]) / self._flow
        self._base[3] = self._last[3] - value * flow
        self._flow = flow

    def set_offset(self, named: Parameters) -> None:
        """SET_GCODE_OFFSET."""
        shifts = [0.0] * 4
        for axis, name in enumerate(_AXES):
            value, more = _number(named, name), _number(named, name + b"_ADJUST")
            if value is None and more is not None:
                value = more + self._homing[axis]
            if value is not None:
                shifts[axis] = value - self._homing[axis]
        move, speed = _moves(named), _speed(named, self._speed)
        for axis, shift in enumerate(shifts):
            self._base[axis] += shift
            self._homing[axis] += shift
            if move:
                self._last[axis] += shift
        if move:
            self._go(speed)

    def save(self, named: Parameters) -> None:
        """SAVE_GCODE_STATE; more than 16 names are not kept apart from ones that are unknown."""
        name = named.get(b"NAME", b"default")[:NAME_BYTES]
        if name not in self._states and len(self._states) >= STATES_LIMIT:
            raise BadLine
        self._states[name] = _State(
            tuple(self._last),
            tuple(self._base),
            tuple(self._homing),
            self._speed,
            self._factor,
            self._flow,
            self._absolute,
            self._absolute_e,
        )

    def restore(self, named: Parameters) -> None:
        """RESTORE_GCODE_STATE."""
        state = self._states.get(named.get(b"NAME", b"default")[:NAME_BYTES])
        if state is None:
            raise BadLine
        move, speed = _moves(named), _speed(named, state.speed)
        self._base, self._homing = list(state.base), list(state.homing)
        self._speed, self._factor, self._flow = state.speed, state.factor, state.flow
        self._absolute, self._absolute_e = state.absolute, state.absolute_e
        self._base[3] += self._last[3] - state.last[3]
        if move:
            self._last[:3] = state.last[:3]
            self._go(speed)

    # PrinterLimits

    def accel(self, parameters: Parameters) -> None:
        """M204: S, or the smaller one of P and T."""
        accel = _positive(parameters, b"S")
        if accel is None:
            print_accel, travel = _positive(parameters, b"P"), _positive(parameters, b"T")
            if print_accel is None or travel is None:
                raise BadLine
            accel = min(print_accel, travel)
        self._motion.max_accel = accel
        self._motion.set_limits()

    def velocity_limit(self, named: Parameters) -> None:
        """SET_VELOCITY_LIMIT, with the option that older versions of Klipper had."""
        motion = self._motion
        velocity, accel = _positive(named, b"VELOCITY"), _positive(named, b"ACCEL")
        corner, ratio = (
            _number(named, b"SQUARE_CORNER_VELOCITY"),
            _number(named, b"MINIMUM_CRUISE_RATIO"),
        )
        to_decel = _positive(named, b"ACCEL_TO_DECEL")
        if (corner is not None and corner < 0.0) or not 0.0 <= (ratio or 0.0) < 1.0:
            raise BadLine
        motion.max_velocity = velocity or motion.max_velocity
        motion.max_accel = accel or motion.max_accel
        if corner is not None:
            motion.corner_velocity = corner
        if ratio is None and to_decel is not None:
            ratio = 1.0 - min(1.0, to_decel / motion.max_accel)
        if ratio is not None:
            motion.cruise_ratio = ratio
        motion.set_limits()

    def set_retraction(self, named: Parameters) -> None:
        """SET_RETRACTION."""
        old = self._retraction
        assert old is not None
        values = (
            _at_least(named, b"RETRACT_LENGTH", old.retract_length, 0.0),
            _at_least(named, b"RETRACT_SPEED", old.retract_speed, 1.0),
            _at_least(named, b"UNRETRACT_EXTRA_LENGTH", old.unretract_extra_length, 0.0),
            _at_least(named, b"UNRETRACT_SPEED", old.unretract_speed, 1.0),
        )
        self._retraction = Retraction(*values)
        self._retracted = False

    # Objects and tools

    def begin_object(self, named: Parameters) -> bytes:
        """EXCLUDE_OBJECT_START; returns the object's name."""
        self._object = named.get(b"NAME", b"").upper()[:NAME_BYTES]
        self._ignoring = self._object in self._excluded
        return self._object

    def end_object(self) -> None:
        """EXCLUDE_OBJECT_END."""
        self._object = b""
        self._ignoring = False

    def exclude(self, named: Parameters) -> None:
        """EXCLUDE_OBJECT: one object, the running one, or none any more."""
        name = named.get(b"NAME", b"").upper()[:NAME_BYTES]
        if b"RESET" in named:
            self._excluded.discard(name) if name else self._excluded.clear()
        elif b"CURRENT" in named:
            name = self._object
        if b"RESET" not in named and name and len(self._excluded) < OBJECTS_LIMIT:
            self._excluded.add(name)
        self._ignoring = self._object in self._excluded

    def select_tool(self, tool: int) -> None:
        """T and ACTIVATE_EXTRUDER; E of another extruder begins at 0, its flow at 100 %."""
        if tool != self._motion.tool and len(self._limits.extruders) > 1:
            self._flow = 1.0
            self._base[3] = self._last[3]
        self._motion.set_tool(tool)


def _number(parameters: Parameters, name: bytes) -> float | None:
    text = parameters.get(name)
    return None if text is None else number(text)


def _positive(parameters: Parameters, name: bytes) -> float | None:
    value = _number(parameters, name)
    if value is not None and value < LEAST_ACCEL:
        raise BadLine
    return value


def _at_least(parameters: Parameters, name: bytes, default: float, least: float) -> float:
    value = _number(parameters, name)
    if value is not None and value < least:
        raise BadLine
    return default if value is None else value


def _percent(parameters: Parameters) -> float:
    value = _positive(parameters, b"S")
    return (100.0 if value is None else value) / 100.0


def _moves(named: Parameters) -> bool:
    return bool(_number(named, b"MOVE"))


def _speed(named: Parameters, default: float) -> float:
    return _positive(named, b"MOVE_SPEED") or default
