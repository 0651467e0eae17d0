"""The planner in Python: g-code text in, sums over its moves out, by Klipper's rules.

Used where the compiled kernel (`kernel/`) is not there; both give the same. Text comes in pieces of
any size. What Klipper would refuse is counted and left out; what takes a time that the file does
not tell (heating, homing, macros) is counted by name and takes none.
"""

import math
import re
from collections.abc import Callable
from functools import partial

from mrk.estimate.interpreter import Interpreter, Parameters
from mrk.estimate.lookahead import Lookahead
from mrk.estimate.motion import Motion
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.segments import (
    COMMANDS_LIMIT,
    KINDS_LIMIT,
    LINE_LIMIT_BYTES,
    NAME_BYTES,
    OBJECTS_LIMIT,
    OTHER,
    SEQUENCES_LIMIT,
    Mark,
    Segment,
)
from mrk.estimate.words import BadLine, named_parameters, number, split_line

# Klipper plans 0.25 s ahead when it begins to move, and has 0.1 s between commands to a fan, which
# a flush of the steps waits for (Klipper's `toolhead` and `output_pin`).
START_S = 0.25
FAN_S = 0.1
_N = rb"(-?[0-9]{1,9}(?:\.[0-9]{0,20})?|-?\.[0-9]{1,20})"
_STRAIGHT = re.compile(
    rb"G[01](?: F" + _N + rb")?(?: X" + _N + rb")?(?: Y" + _N + rb")?(?: Z" + _N + rb")?"
    rb"(?: E" + _N + rb")?(?: F" + _N + rb")?[ \t\r]*(?:;.*)?",
    re.DOTALL,
)
_KIND_MARKS = (b";TYPE:", b"; FEATURE: ", b"; feature ")
_ADD_TIME = b";ESTIMATOR_ADD_TIME "


class _Names:
    """Numbers of names, in the order in which they came; past the limit all are the first."""

    def __init__(self, first: bytes, limit: int) -> None:
        self.known = {first: 0}
        self._limit = limit

    def number(self, name: bytes) -> int:
        name = name[:NAME_BYTES]
        if name not in self.known and len(self.known) < self._limit:
            self.known[name] = len(self.known)
        return self.known.get(name, 0)


class Planner:
    """State of the g-code interpreter; `feed` and `finish` give what was planned meanwhile."""

    def __init__(
        self,
        limits: PrinterLimits,
        *,
        relative_e: bool = False,
        mark_s: float = 1.0,
        excluded: frozenset[bytes] = frozenset(),
        excluded_from: int = 0,
    ) -> None:
        self._queue = Lookahead(mark_s, START_S)
        self._motion = Motion(limits, self._queue)
        self._state = Interpreter(
            limits,
            self._motion,
            relative_e=relative_e,
            excluded=excluded,
            excluded_from=excluded_from,
        )
        self._kinds = _Names(OTHER.encode(), KINDS_LIMIT)
        self._objects = _Names(b"", OBJECTS_LIMIT)
        self._counts: dict[bytes, int] = {}
        self._moves_before = 0
        self._fan_power, self._fan_moves = 0.0, -1
        self._rest = b""
        self._in_long_line = self._long_is_bad = False
        self._handlers = self._table(limits)
        self._named = self._named_table(limits)
        self.bad_lines = 0

    @property
    def clock(self) -> float:
        """Seconds planned so far."""
        return self._queue.clock

    def peaks(self) -> tuple[float, float]:
        """Highest speed in mm/s, and highest flow of a move in mm of filament a second."""
        return math.sqrt(self._queue.max_speed2), self._queue.max_flow

    def names(self) -> tuple[list[bytes], list[bytes], dict[bytes, int]]:
        """Kinds of moves and objects by their numbers; unknown commands and how often they come."""
        return list(self._kinds.known), list(self._objects.known), dict(self._counts)

    def finish(self) -> tuple[list[Segment], list[Mark]]:
        """The file ends here."""
        rest, self._rest = self._rest, b""
        if self._in_long_line:
            self.bad_lines += self._long_is_bad
        elif rest:
            self._state.offset += len(rest)
            self._line(rest)
        self._queue.stop()
        return self._queue.take()

    def feed(self, data: bytes) -> tuple[list[Segment], list[Mark]]:
        """Take a piece of the file."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        match, state = _STRAIGHT.fullmatch, self._state
        for line in lines:
            state.offset += len(line) + 1
            if self._in_long_line or len(line) > LINE_LIMIT_BYTES:
                self._end_long_line(line)
                continue
            found = match(line)
            if found is None:
                if line:
                    self._line(line)
                continue
            f, x, y, z, e, f2 = found.groups()
            try:
                state.straight(
                    None if x is None else float(x),
                    None if y is None else float(y),
                    None if z is None else float(z),
                    None if e is None else float(e),
                    float(f2) if f2 is not None else None if f is None else float(f),
                )
            except BadLine:
                self.bad_lines += 1
        if self._in_long_line or len(self._rest) > LINE_LIMIT_BYTES:
            state.offset += len(self._rest)
            if not self._in_long_line:
                self._in_long_line, self._long_is_bad = True, self._rest[:1] != b";"
            self._rest = b""
        return self._queue.take()

    def _end_long_line(self, line: bytes) -> None:
        """A line that is longer than any command; what was kept of it is nothing."""
        self.bad_lines += self._long_is_bad if self._in_long_line else line[:1] != b";"
        self._in_long_line = False

    def _line(self, line: bytes) -> None:
        text = line.strip()
        cut = text.find(b";")
        if cut == 0:
            self._comment(text)
            return
        command, parameters = split_line(text if cut < 0 else text[:cut])
        handler = self._handlers.get(command)
        try:
            if handler is not None:
                handler(parameters)
            elif command in self._named:
                self._named[command](named_parameters(text))
            elif command:
                self._unknown(command)
        except BadLine:
            self.bad_lines += 1

    def _comment(self, text: bytes) -> None:
        for mark in _KIND_MARKS:
            if text.startswith(mark):
                self._motion.kind = self._kinds.number(text[len(mark) :].strip())
                self._motion.rename()
                return
        if text.startswith(_ADD_TIME):
            self._add_time(text[len(_ADD_TIME) :].split(None, 1)[:1])

    def _add_time(self, words: list[bytes]) -> None:
        try:
            seconds = number(words[0]) if words else -1.0
        except BadLine:
            seconds = -1.0
        if seconds < 0.0:
            self.bad_lines += 1
            return
        self._begin_sequence()
        self._queue.wait(seconds, self._motion.key, self._state.offset)

    def _begin_sequence(self) -> None:
        """What follows waits for something; moves before it are a sequence of their own."""
        self._queue.stop()
        motion = self._motion
        if motion.moves > self._moves_before and motion.sequence < SEQUENCES_LIMIT - 1:
            self._moves_before = motion.moves
            motion.sequence += 1
            motion.rename()

    def _unknown(self, command: bytes) -> None:
        if command[:1] == b"T" and command[1:].isdigit() and len(command) <= 3:
            self._select(int(command[1:]))
            return
        command = command[:NAME_BYTES]
        if command in self._counts or len(self._counts) < COMMANDS_LIMIT:
            self._counts[command] = self._counts.get(command, 0) + 1

    def _wait(self, command: bytes, _: Parameters) -> None:
        self._unknown(command)
        self._begin_sequence()

    def _home(self, parameters: Parameters) -> None:
        self._wait(b"G28", parameters)
        self._flush()
        self._state.home(parameters)

    def _dwell(self, parameters: Parameters) -> None:
        text = parameters.get(b"P")
        seconds = 0.0 if text is None else number(text) / 1000.0
        if seconds < 0.0:
            raise BadLine
        self._queue.wait(seconds, self._motion.key, self._state.offset)

    def _motors_off(self, _: Parameters) -> None:
        self._flush()

    def _flush(self) -> None:
        """Everything that was asked for has been done."""
        self._queue.stop()
        if self._fan_moves == self._motion.moves:
            self._fan_moves = -1
            self._queue.wait(FAN_S, self._motion.key, self._state.offset)

    def _fan(self, parameters: Parameters) -> None:
        text = parameters.get(b"S")
        self._set_fan(1.0 if text is None else min(1.0, max(0.0, number(text) / 255.0)))

    def _set_fan(self, power: float) -> None:
        if power != self._fan_power:
            self._fan_power = power
            self._fan_moves = self._motion.moves

    def _select(self, tool: int) -> None:
        if tool != self._motion.tool:
            self._flush()
            self._state.select_tool(tool)

    def _activate(self, named: Parameters) -> None:
        name = named.get(b"EXTRUDER", b"").lower()
        digits = name.removeprefix(b"extruder")
        if not name.startswith(b"extruder") or not (digits or b"0").isdigit() or len(digits) > 2:
            raise BadLine
        self._select(int(digits or 0))

    def _begin_object(self, named: Parameters) -> None:
        self._motion.object = self._objects.number(self._state.begin_object(named))
        self._motion.rename()

    def _end_object(self, _: Parameters) -> None:
        self._state.end_object()
        self._motion.object = 0
        self._motion.rename()

    def _table(self, limits: PrinterLimits) -> dict[bytes, Callable[[Parameters], None]]:
        state = self._state
        table: dict[bytes, Callable[[Parameters], None]] = {
            b"G0": state.move,
            b"G1": state.move,
            b"G4": self._dwell,
            b"G28": self._home,
            b"G90": lambda _: state.set_absolute(True),
            b"G91": lambda _: state.set_absolute(False),
            b"G92": state.set_position,
            b"M18": self._motors_off,
            b"M82": lambda _: state.set_absolute_e(True),
            b"M83": lambda _: state.set_absolute_e(False),
            b"M84": self._motors_off,
            b"M106": self._fan,
            b"M107": lambda _: self._set_fan(0.0),
            b"M204": state.accel,
            b"M220": state.speed_factor,
            b"M221": state.flow_factor,
            b"M400": lambda _: self._queue.stop(),
            **{name: partial(self._wait, name) for name in (b"M109", b"M190", b"M600")},
        }
        if limits.arc_mm is not None:
            table[b"G2"] = partial(state.arc, clockwise=True)
            table[b"G3"] = partial(state.arc, clockwise=False)
            table[b"G17"] = lambda _: state.plane(0, 1, 2)
            table[b"G18"] = lambda _: state.plane(0, 2, 1)
            table[b"G19"] = lambda _: state.plane(1, 2, 0)
        if limits.retraction is not None:
            table[b"G10"] = lambda _: state.retract(back=False)
            table[b"G11"] = lambda _: state.retract(back=True)
        return table

    def _named_table(self, limits: PrinterLimits) -> dict[bytes, Callable[[Parameters], None]]:
        state = self._state
        table: dict[bytes, Callable[[Parameters], None]] = {
            b"ACTIVATE_EXTRUDER": self._activate,
            b"EXCLUDE_OBJECT": state.exclude,
            b"EXCLUDE_OBJECT_END": self._end_object,
            b"EXCLUDE_OBJECT_START": self._begin_object,
            b"RESTORE_GCODE_STATE": state.restore,
            b"SAVE_GCODE_STATE": state.save,
            b"SET_GCODE_OFFSET": state.set_offset,
            b"SET_VELOCITY_LIMIT": state.velocity_limit,
            b"TEMPERATURE_WAIT": partial(self._wait, b"TEMPERATURE_WAIT"),
        }
        if limits.retraction is not None:
            table[b"SET_RETRACTION"] = state.set_retraction
        return table
