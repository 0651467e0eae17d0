"""A line from the display, checked: `N<number> <command>*<sum>`.

The sum is the exclusive or of all bytes before the last `*`, in decimal. The display does not care
for requests to send a line again, so none is made. Pure.
"""

import re
from functools import reduce
from operator import xor

import msgspec

STOP = "M112"
_NUMBERED = re.compile(r"N(\d{1,10})\s+(.*)", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"N(\d{1,10})", re.IGNORECASE)


class Stop(msgspec.Struct, frozen=True):
    """An emergency stop: whatever else the line holds."""


class BadChecksum(msgspec.Struct, frozen=True):
    """The line is not to be used; `number` is what it says of itself."""

    number: str

    @property
    def response(self) -> str:
        """What the display shows."""
        return f"!! Invalid Checksum Line Number: {self.number}"


def read_line(line: str, *, checked: bool) -> str | Stop | BadChecksum | None:
    """The command of a line; None for one without any.

    Without `checked` a number and a sum may be missing, and the sum is not looked at.
    """
    if STOP in line.upper():
        return Stop()
    if not line.strip():
        return None
    body, star, written = line.rpartition("*")
    if not checked:
        numbered = _NUMBERED.fullmatch(body) if star else None
        return (line if numbered is None else numbered[2]).strip() or None
    numbered = _NUMBERED.fullmatch(body)
    if not star or numbered is None or written.strip() != str(checksum(body)):
        number = _NUMBER.match(line)
        return BadChecksum(number[1] if number else "unknown")
    return numbered[2].strip() or None


def checksum(text: str) -> int:
    """The exclusive or of a text's bytes."""
    return reduce(xor, text.encode(), 0)
