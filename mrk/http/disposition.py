"""Content-Disposition: read from parts of a form, written for downloads (RFC 6266, RFC 7578).

A file's name may come as `filename`, as `filename*`, or as both; they are taken when they agree.
Reading is strict otherwise: two readers that see two names in one header are how files get past
checks, so what can be read in two ways is refused.
"""

import re
from urllib.parse import quote

import msgspec

from mrk.errors import ClientError
from mrk.http.encoded_names import agree, encoded_words, extended_value

# `"` ends a quoted value unless a backslash stands before it (curl); browsers write %22.
_PARAMETER = (
    rb"(?s)[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*="
    rb'[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))'
)
_KIND = rb"(?i)[ \t]*form-data"
_ESCAPED = rb'\\(["\\])'
_NOT_PLAIN = r'[^\x20-\x7e]|["\\%]'
_EXACT = "filename*"


class FormPart(msgspec.Struct, frozen=True):
    """The names in a part's header; `filename` None: it is no file."""

    name: str
    filename: str | None


def form_part(value: bytes) -> FormPart:
    """Read `form-data; name="..."; filename="..."`; raises `ClientError` 400."""
    start = re.match(_KIND, value)
    if start is None:
        raise ClientError("A part of the form is not form-data")
    parameter = re.compile(_PARAMETER)
    found: dict[str, str] = {}
    at = start.end()
    while match := parameter.match(value, at):
        at = match.end()
        key = match[1].decode("ascii").lower()
        if "*" in key and key != _EXACT:
            raise ClientError(f"A form cannot hold {key}: write the name as UTF-8")
        if key in found:
            raise ClientError(f"A part of the form says {key} twice")
        found[key] = _text(match[2], match[3])
    if value[at:].strip(b" \t;"):
        raise ClientError("A part's Content-Disposition is broken")
    if "name" not in found:
        raise ClientError("A part of the form has no name")
    return FormPart(found["name"], _filename(found.get("filename"), found.get(_EXACT)))


def _filename(plain: str | None, extended: str | None) -> str | None:
    """The one name that both spellings mean; raises `ClientError` 400 when they differ."""
    decoded = None if plain is None else encoded_words(plain)
    if extended is None:
        return decoded
    exact = extended_value(extended)
    if plain is not None and decoded is not None and not agree(decoded, plain, exact):
        raise ClientError("A part of the form says filename and filename* and means two names")
    return exact


def _text(quoted: bytes | None, token: bytes) -> str:
    raw = token if quoted is None else re.sub(_ESCAPED, rb"\1", quoted)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ClientError("A name in the form is not UTF-8") from None


def attachment(name: str) -> str:
    """A download's header: the name for old readers in ASCII, and for others as it is."""
    plain = re.sub(_NOT_PLAIN, "_", name)
    exact = quote(name, safe="", errors="surrogateescape")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
