"""What a file begins with before its first extrusion: the commands that take a time nobody planned.

Start macros, and what waits for heat or homing. Fed with the beginning of a file in pieces of any
size; looks at 4 MiB of it, because pictures may stand first, and then no further.
"""

import re

from mrk.estimate.segments import LINE_LIMIT_BYTES, NAME_BYTES
from mrk.estimate.words import BadLine, number, split_line

LOOKED_AT_BYTES = 4 * 1024 * 1024
NAMES_LIMIT = 8
_MOVES = frozenset({b"G0", b"G1", b"G2", b"G3"})
_NUMBERED = re.compile(rb"[A-Z]-?[0-9.]*")
_NAME = re.compile(rb"[A-Z_][A-Z0-9_]*")
# Of the numbered commands, those that wait or probe.
_WAITING = frozenset({b"G28", b"G29", b"G32", b"G34", b"G80", b"M109", b"M190", b"M191", b"M600"})
# Klipper's own named commands that are done at once.
_IMMEDIATE = re.compile(
    rb"SET_|EXCLUDE_OBJECT|SAVE_GCODE_STATE|RESTORE_GCODE_STATE|ACTIVATE_EXTRUDER|RESPOND|"
    rb"BED_MESH_PROFILE|BED_MESH_CLEAR|CLEAR_PAUSE|TIMELAPSE_|SKEW_PROFILE|UPDATE_DELAYED_GCODE"
)


class StartCommands:
    """`names` of such commands, in order, once each; `first_extrusion`: where its line ends."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.first_extrusion: int | None = None
        self._offset = 0  # of what was looked at
        self._rest = b""
        self._in_long_line = False

    @property
    def is_done(self) -> bool:
        """Whether more text changes nothing."""
        return self.first_extrusion is not None or self._offset >= LOOKED_AT_BYTES

    def feed(self, data: bytes) -> None:
        """Take a piece of the file."""
        if self.is_done:
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._offset += len(line) + 1
            if self._in_long_line or len(line) > LINE_LIMIT_BYTES:
                self._in_long_line = False
            elif line[:1] != b";" and self._is_extrusion(line.partition(b";")[0]):
                self.first_extrusion = self._offset
            if self.is_done:
                self._rest = b""
                return
        if self._in_long_line or len(self._rest) > LINE_LIMIT_BYTES:
            self._offset += len(self._rest)
            self._rest, self._in_long_line = b"", True

    def _is_extrusion(self, text: bytes) -> bool:
        """Whether a line extrudes; the name of what takes its time is noted."""
        command, parameters = split_line(text.strip())
        if command in _MOVES:
            return _is_positive(parameters.get(b"E"))
        if not (command in _WAITING or _is_macro(command)):
            return False
        name = command[:NAME_BYTES].decode()
        if name not in self.names and len(self.names) < NAMES_LIMIT:
            self.names.append(name)
        return False


def _is_macro(command: bytes) -> bool:
    if _NUMBERED.fullmatch(command) or not _NAME.fullmatch(command):
        return False
    return _IMMEDIATE.match(command) is None


def _is_positive(value: bytes | None) -> bool:
    try:
        return value is not None and number(value) > 0.0
    except BadLine:
        return False
