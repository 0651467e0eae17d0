"""What clients may send through to Spoolman: its own API, and nothing that leads elsewhere."""

import re
from typing import Literal
from urllib.parse import quote, unquote

import msgspec

from mrk import foreign_json
from mrk.errors import ClientError
from mrk.foreign_json import NotJson

PREFIX = "/v1/"
MOST_BODY_BYTES = 1024 * 1024
MOST_TEXT_CHARS = 8192
Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# RFC 3986: what may stand in a path and in a query; a percent sign begins two hexadecimal digits.
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+")
_SAFE_IN_QUERY = "!$&'()*+,;=:@/?-._~%"
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ProxyParams(msgspec.Struct, frozen=True):
    """Arguments of server.spoolman.proxy."""

    request_method: Verb
    path: str
    query: object = None
    body: object = None
    use_v2_response: bool = False


class Proxied(msgspec.Struct, frozen=True):
    """A request that may be sent: `target` is below Spoolman's `/api`, with its query."""

    verb: str
    target: str
    body: bytes | None


def checked(params: ProxyParams) -> Proxied:
    """Raises `ClientError` 400 naming the argument, or 413 for a body over 1 MiB."""
    # KlipperScreen (until 2026) and GuppyScreen ask for `/v1/spool?allow_archived=true` so.
    path, mark, beside = params.path.partition("?")
    _check_path(path)
    parts = (_query("path", beside if mark else None), _query("query", params.query))
    query = "&".join(part for part in parts if part)
    target = f"{path}?{query}" if query else path
    return Proxied(params.request_method, target, _body(params))


def _check_path(path: str) -> None:
    if not path.startswith(PREFIX):
        raise ClientError(f"Argument 'path': {path[:60]!r} given, it must start with {PREFIX}")
    if len(path) > MOST_TEXT_CHARS or not _PATH.fullmatch(path):
        raise ClientError("Argument 'path' is not a path: encode it")
    plain = unquote(path)
    parts = plain.split("/")
    # An encoded slash or dot is for the server what a plain one is; a second round is not done.
    if "\\" in plain or "//" in plain or any(part in (".", "..") for part in parts):
        raise ClientError("Argument 'path' must not contain '.', '..' or empty parts")
    if "%" in plain or any(ord(char) < 32 for char in plain):
        raise ClientError("Argument 'path' must not contain control characters or '%25'")


def _query(name: str, query: object) -> str:
    if query is None or query == "":
        return ""
    if not isinstance(query, str):
        raise ClientError(f"Argument '{name}': a text is expected, such as 'limit=10'")
    if len(query) > MOST_TEXT_CHARS:
        text = f"Argument '{name}' has {len(query)} characters, over {MOST_TEXT_CHARS}"
        raise ClientError(text)
    if _CONTROL.search(query):
        raise ClientError(f"Argument '{name}' has control characters: encode them")
    return _encoded(name, query.removeprefix("?"))


def _encoded(name: str, query: str) -> str:
    """The query as a URL may hold it; what is encoded already stays as it is."""
    try:
        return quote(_BARE_PERCENT.sub("%25", query), safe=_SAFE_IN_QUERY)
    except UnicodeEncodeError:
        raise ClientError(f"Argument '{name}' cannot be written as UTF-8") from None


def _body(params: ProxyParams) -> bytes | None:
    if params.body is None:
        return None
    if params.request_method == "GET":
        raise ClientError("Argument 'body' cannot go with GET")
    try:
        body = msgspec.json.encode(params.body)
    except (UnicodeEncodeError, RecursionError, TypeError) as exc:
        raise ClientError(f"Argument 'body' is not JSON: {exc}") from exc
    if len(body) > MOST_BODY_BYTES:
        raise ClientError(f"Argument 'body' is over {MOST_BODY_BYTES} bytes", 413)
    return body


def error_text(body: bytes, status: int) -> str:
    """What Spoolman says went wrong, in any of its shapes."""
    try:
        said = foreign_json.decode(body)
    except NotJson:
        said = None
    if isinstance(said, dict):
        text = said.get("message", said.get("detail"))
        if isinstance(text, str):
            return text[:1000]
        if isinstance(text, list):
            return "; ".join(_detail(one) for one in text[:10])[:1000]
    return f"Spoolman answered {status}"


def _detail(one: object) -> str:
    if not isinstance(one, dict):
        return str(one)[:200]
    place = one.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return f"{where}: {one.get('msg')}"[:200]
