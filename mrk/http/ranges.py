"""Single byte ranges of a file (RFC 9110, section 14).

What is no single range, or not understood, means the whole file, as the RFC allows.
"""

import re

import msgspec

_RANGE = r"(?i)\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*"


class ByteRange(msgspec.Struct, frozen=True):
    """`size_bytes` bytes from `start` on."""

    start: int
    size_bytes: int

    def content_range(self, total_bytes: int) -> str:
        """The header that goes with a 206."""
        return f"bytes {self.start}-{self.start + self.size_bytes - 1}/{total_bytes}"


class Unsatisfiable(Exception):
    """The range lies outside of the file: 416."""


def parse_range(value: str | None, total_bytes: int) -> ByteRange | None:
    """The proper part of a file of `total_bytes` that is wanted; None: all of it.

    Raises `Unsatisfiable`.
    """
    match = None if value is None else re.fullmatch(_RANGE, value)
    if match is None or match[1] == match[2] == "":
        return None
    if match[1]:
        start = int(match[1])
        last = int(match[2]) if match[2] else total_bytes - 1
        if match[2] and last < start:
            return None
    else:
        start, last = max(0, total_bytes - int(match[2])), total_bytes - 1
    if start >= total_bytes:
        raise Unsatisfiable
    size_bytes = min(last, total_bytes - 1) - start + 1
    return None if size_bytes == total_bytes else ByteRange(start, size_bytes)
