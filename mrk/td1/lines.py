"""Lines of a TD-1, read. Pure: texts in, values out."""

import math

import msgspec

READY = "ready"
NO_ERRORS = "No file named errors.txt"
# What a device remembers of its errors.
MOST_BLOCKS = 64
_FIELDS = 6
_HEX = frozenset("0123456789abcdefABCDEF")


class Td1Scan(msgspec.Struct, frozen=True):
    """One measurement: transmission distance in mm, colour as six hexadecimal digits."""

    td: float
    color: str


def read_scan(line: str) -> Td1Scan | None:
    """A measurement, in the fifth and sixth field; None for every other line."""
    fields = [field.strip() for field in line.split(",")]
    if len(fields) < _FIELDS or len(fields[5]) != 6 or not _HEX.issuperset(fields[5]):
        return None
    try:
        td = float(fields[4])
    except ValueError:
        return None
    return Td1Scan(td, fields[5]) if math.isfinite(td) else None


def read_count(line: str) -> int | None:
    """How many blocks follow; None for what is no such number."""
    text = line.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 4:
        return None
    return min(int(text), MOST_BLOCKS)
