"""File names that clients encode in a header: RFC 8187 (`filename*`) and RFC 2047 in `filename`.

.NET's HttpClient writes both by default. Decoding is strict: an unknown character set, a broken
escape or bytes that are no text are refused, never repaired.
"""

import base64
import binascii
import re
import unicodedata
from urllib.parse import unquote, unquote_to_bytes

from mrk.errors import ClientError

_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1"})
_EXTENDED = r"(?a)([\w-]{1,20})'[\w-]{0,40}'((?:[\w!#$&+.^`|~-]|%[0-9A-Fa-f]{2})*)"
_WORD = r"=\?([\w-]{1,20})(?:\*[\w-]{1,20})?\?([BbQq])\?([!->@-~]*)\?="
_WORDS = rf"(?a){_WORD}(?:[ \t]+{_WORD})*"
_ONE_WORD = rf"(?a){_WORD}"
_ESCAPE = rb"=[0-9A-Fa-f]{2}"
# What stands in `filename` for a character that ASCII, or a quoted text, cannot hold.
_SUBSTITUTES = frozenset("?_-")
_NOT_IN_QUOTES = frozenset('"\\%')


def extended_value(text: str) -> str:
    """The name of `UTF-8''na%C3%AFve.gcode`; raises `ClientError` 400."""
    match = re.fullmatch(_EXTENDED, text)
    if match is None:
        raise ClientError("filename* is broken; expected UTF-8''name with percent signs")
    return _decoded(unquote_to_bytes(match[2]), match[1], "filename*")


def encoded_words(text: str) -> str:
    """`=?utf-8?B?w6Q=?=` decoded; a text that is not made of such words is returned as it is."""
    if not re.fullmatch(_WORDS, text):
        return text
    return "".join(_word(*match.groups()) for match in re.finditer(_ONE_WORD, text))


def _word(charset: str, encoding: str, payload: str) -> str:
    try:
        if encoding in "Bb":
            raw = base64.b64decode(payload, validate=True)
        else:
            plain = payload.replace("_", " ").encode()
            if b"=" in re.sub(_ESCAPE, b"", plain):
                raise ValueError
            raw = unquote_to_bytes(plain.replace(b"%", b"%25").replace(b"=", b"%"))
    except (binascii.Error, ValueError):
        raise ClientError("filename holds a broken encoded word (RFC 2047)") from None
    return _decoded(raw, charset, "filename")


def _decoded(raw: bytes, charset: str, where: str) -> str:
    if charset.lower() not in _CHARSETS:
        raise ClientError(f"{where} is encoded as {charset}; expected UTF-8 or ISO-8859-1")
    try:
        return raw.decode(charset)
    except UnicodeDecodeError:
        raise ClientError(f"{where} is not {charset}") from None


def agree(decoded: str, plain: str, exact: str) -> bool:
    """Whether `filename`, decoded or as it stands, means the name that `filename*` gives exactly.

    It does when it is equal, percent-encoded, or the same with a substitute for each character
    that the plain form cannot hold.
    """
    wanted = unicodedata.normalize("NFC", exact)
    spellings = {decoded, plain, unquote(decoded)}
    if wanted in {unicodedata.normalize("NFC", spelling) for spelling in spellings}:
        return True
    if len(decoded) != len(exact):
        return False
    return all(
        one == other or (one in _SUBSTITUTES and (not other.isascii() or other in _NOT_IN_QUOTES))
        for one, other in zip(decoded, exact, strict=True)
    )
