"""Fields of a query or a form, `a=1&b=%C3%A4` -> pairs; the bytes behind escapes are UTF-8.

Pure. `urllib.parse` takes a microsecond and 35 bytes for each escape: a body of nothing else would
hold up the event loop for seconds. Here the C library decodes them, some hundred times faster.
"""

import binascii
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

MOST_FIELDS = 1000
# `%` that begin no escape, and stay: each costs as much as in `urllib.parse`.
MOST_BROKEN = 4000
_FEW = 4
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Digits of hexadecimal numbers become `h`.
_SHAPE = bytes(
    0x68 if char in b"0123456789ABCDEFabcdef" else char if char == 0x25 else 0x2E
    for char in range(256)
)


class NotFields(ValueError):
    """There is too much of something; the text is what."""


def fields(raw: bytes, most: int = MOST_FIELDS) -> Sequence[tuple[str, str]]:
    """Name and value in order; a name without value has an empty one. Raises `NotFields`."""
    if raw.count(b"&") >= most:
        raise NotFields(f"more than {most} fields")
    found = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            found.append((_text(name), _text(value)))
    return found


def _text(raw: bytes) -> str:
    return percent_decoded(raw.replace(b"+", b" ")).decode("utf-8", "replace")


def percent_decoded(raw: bytes) -> bytes:
    """As `urllib.parse.unquote_to_bytes`; raises `NotFields` for too many `%` that are none."""
    escapes = raw.count(b"%")
    if escapes <= _FEW:
        return unquote_to_bytes(raw) if escapes else raw
    if raw.translate(_SHAPE).count(b"%hh") < escapes:
        raw, broken = _BROKEN.subn(b"%25", raw, MOST_BROKEN + 1)
        if broken > MOST_BROKEN:
            raise NotFields(f"more than {MOST_BROKEN} '%' that begin no escape")
    # The same escapes as quoted-printable has them; all of them are whole.
    return binascii.a2b_qp(raw.replace(b"=", b"%3D").replace(b"%", b"="))
