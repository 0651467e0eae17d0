"""The words of a g-code line as Klipper splits them (`gcode.py`), unless it is a plain move.

Numbers are plain decimals up to 1e9; what Python would also take (exponents, infinities) no
slicer writes, and a plan has no use for.
"""

import re

NUMBER_LIMIT = 1e9
_ARGUMENTS = re.compile(rb"([A-Z_]+|[A-Z*])")
_NUMBER = re.compile(rb"[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})")
_TOKEN = re.compile(rb"(?:\"[^\"]*\"?|'[^']*'?|[^\s\"'])+")
_END = re.compile(rb"[#*;]")


class BadLine(Exception):
    """A line that Klipper would refuse; it is counted and left out."""


def number(text: bytes) -> float:
    """A decimal number; raises `BadLine`."""
    if (
        _NUMBER.fullmatch(text) is None
        or not -NUMBER_LIMIT <= (value := float(text)) <= NUMBER_LIMIT
    ):
        raise BadLine
    return value


def split_line(line: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Command and parameters of a line without its comment."""
    parts = _ARGUMENTS.split(line.upper())
    at = 3 if b"".join(parts[:2]) == b"N" else 0
    command = b"".join(parts[at : at + (2 if at else 3)]).strip()
    names, values = parts[1::2], parts[2::2]
    return command, {name: value.strip() for name, value in zip(names, values, strict=True)}


def named_parameters(line: bytes) -> dict[bytes, bytes]:
    """`KEY=value` of an extended command's line; quotes hold blanks together."""
    found = {}
    cut = _END.search(line)
    for token in _TOKEN.findall(line[: cut.start()] if cut else line):
        key, equals, value = token.partition(b"=")
        if equals:
            found[key.upper()] = value.replace(b'"', b"").replace(b"'", b"")
    return found
