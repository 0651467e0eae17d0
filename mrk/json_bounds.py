"""How much JSON text may hold, counted in its bytes before any object exists.

A value of two bytes (`[]`) becomes an object of 56, so a limit of bytes alone bounds neither memory
nor time. Counting four separators costs 2 ns a byte and is an upper limit, because texts may hold
separators too; only where that passes the bound are texts cut out first. Pure.
"""

import re
from typing import Any

import msgspec

from mrk.errors import ClientError

# Values and the names of members, together; reading so many takes about 3 ms.
MOST_VALUES = 40_000
MOST_LEVELS = 64
_DEEP, _OPEN, _SEPARATORS = b"[]{}", (b"[", b"{"), (b",", b":")
# The closing quote may be missing, so that every byte is looked at once, whatever the text.
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BLANKS = b" \t\r\n"
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in _DEEP)
_decode = msgspec.json.Decoder().decode


def check(text: bytes, what: str, most_values: int = MOST_VALUES) -> None:
    """Raise `ClientError` 400 for more values or levels than are taken; `what` names the text.

    The text need not be valid.
    """
    opened = text.count(b"[") + text.count(b"{")
    many = len(text) > 2 * most_values and _most(text, opened) > most_values
    if not many and opened <= MOST_LEVELS:
        return
    if _least(text) > most_values:
        raise _too_many(what, most_values)
    bare = _TEXT.sub(b'"', text).translate(None, _BLANKS)
    empty = bare.count(b"[]") + bare.count(b"{}")
    if _most(bare, sum(map(bare.count, _OPEN))) - empty > most_values:
        raise _too_many(what, most_values)
    if _levels_left(bare):
        raise ClientError(f"{what}: nested deeper than {MOST_LEVELS} levels")


def decode(text: bytes, what: str) -> Any:
    """The value of a text within the bounds; raises `ClientError` 400."""
    check(text, what)
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ClientError(f"{what}: no JSON, {exc}") from None


def _most(text: bytes, opened: int) -> int:
    """No more values and names than these: each but the first follows a separator."""
    return 1 + opened + sum(map(text.count, _SEPARATORS))


def _least(text: bytes) -> int:
    """At least so many texts; spares cutting out a million of them."""
    return (text.count(b'"') - text.count(b'\\"')) // 2


def _levels_left(bare: bytes) -> bool:
    brackets = bare.translate(_ALIKE, _NOT_BRACKETS)
    for _ in range(MOST_LEVELS):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _too_many(what: str, most_values: int) -> ClientError:
    return ClientError(f"{what}: more than {most_values} values and names")
