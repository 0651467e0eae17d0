"""How one request is framed: where its body ends and what becomes of the connection.

Shapes that let two parsers see two different requests (request smuggling, RFC 9112
section 6.3) are refused here again, whatever the head parser thought of them.
"""

import msgspec

from mrk.http.head import RequestHead
from mrk.http.refusal import Refusal

_MAX_LENGTH_DIGITS = 18


class Framing(msgspec.Struct, frozen=True):
    """`body_bytes` is None for a chunked body; `upgrade` is the lower-case protocol or empty."""

    body_bytes: int | None
    keep_alive: bool
    expects_continue: bool
    upgrade: str

    @property
    def has_body(self) -> bool:
        """Whether bytes of a body follow the head."""
        return self.body_bytes != 0


# By far the most requests: HTTP/1.1 without any header that frames.
_PLAIN = Framing(0, True, False, "")
_KEEP_ALIVE = {"connection": ["keep-alive"]}
_FRAMING_HEADERS = frozenset(
    {"connection", "content-length", "transfer-encoding", "expect", "upgrade"}
)


def framing(head: RequestHead) -> Framing:
    """Read the framing headers; raises `Refusal` 400, 417 or 501."""
    found: dict[str, list[str]] = {}
    for name, value in head.headers:
        if name in _FRAMING_HEADERS:
            found.setdefault(name, []).append(value)
    http_1_0 = head.http_version == "1.0"
    if not http_1_0 and (not found or found == _KEEP_ALIVE):
        return _PLAIN
    connection = _tokens(found.get("connection", []))
    return Framing(
        _body_bytes(found, http_1_0),
        "close" not in connection and (not http_1_0 or "keep-alive" in connection),
        not http_1_0 and _expects_continue(found.get("expect", [])),
        _upgrade(found.get("upgrade", []), connection),
    )


def _tokens(values: list[str]) -> set[str]:
    return {token.strip().lower() for value in values for token in value.split(",")}


def _body_bytes(found: dict[str, list[str]], http_1_0: bool) -> int | None:
    lengths, codings = found.get("content-length", []), found.get("transfer-encoding", [])
    if codings:
        if lengths or http_1_0:
            raise Refusal(400, "Bad request: Transfer-Encoding cannot be used here")
        if [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise Refusal(501, "Only the transfer encoding 'chunked' is known")
        return None
    if not lengths:
        return 0
    length = lengths[0].strip()
    if len(lengths) > 1 or not (length.isascii() and length.isdigit()):
        raise Refusal(400, "Bad request: Content-Length must be one number")
    if len(length) > _MAX_LENGTH_DIGITS:
        raise Refusal(413, "Request body too large")
    return int(length)


def _expects_continue(values: list[str]) -> bool:
    expected = _tokens(values)
    if expected - {"100-continue"}:
        raise Refusal(417, "Only the expectation 100-continue is known")
    return bool(expected)


def _upgrade(values: list[str], connection: set[str]) -> str:
    return values[0].strip().lower() if values and "upgrade" in connection else ""
