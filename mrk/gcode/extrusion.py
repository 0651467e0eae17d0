"""How much filament the moves of a file ask for, counted as Klipper's `print_stats` counts it.

The sum of what E says, retractions subtracted, whatever flow is set. Moves that macros make are not
in the file. Pure; lines come in one by one.
"""

import re
from collections.abc import Iterable

_COMMAND = re.compile(
    rb"[ \t]*+(?:N[0-9]+[ \t]*+)?([GMgm])[ \t]?0*([0-9]{1,3})(?![0-9.])([^;\r\n]*)"
)
_E = re.compile(rb"[Ee][ \t]?([-+]?(?:[0-9]{1,12}\.?[0-9]{0,12}|\.[0-9]{1,12}))")
_MOVES = frozenset({b"0", b"1", b"2", b"3"})


class FileExtrusion:
    """`used_mm` after the lines fed so far."""

    def __init__(self) -> None:
        self.used_mm = 0.0
        self._at = 0.0
        self._is_relative = False
        self._is_e_relative = False

    def feed(self, lines: Iterable[bytes]) -> None:
        """Take lines."""
        for line in lines:
            command = _COMMAND.match(line)
            if command is not None:
                self._take(command[1].upper(), command[2], command[3])

    def _take(self, letter: bytes, number: bytes, rest: bytes) -> None:
        if letter == b"G" and number in _MOVES:
            self._move(rest)
        elif letter == b"G" and number in (b"90", b"91"):
            self._is_relative = number == b"91"
        elif letter == b"G" and number == b"92":
            found = _E.search(rest)
            if found is not None:
                self._at = float(found[1])
            elif not rest.strip():
                self._at = 0.0
        elif letter == b"M" and number in (b"82", b"83"):
            self._is_e_relative = number == b"83"

    def _move(self, rest: bytes) -> None:
        found = _E.search(rest)
        if found is None:
            return
        value = float(found[1])
        if self._is_relative or self._is_e_relative:
            self.used_mm += value
            self._at += value
        else:
            self.used_mm += value - self._at
            self._at = value
