"""The websocket handshake (RFC 6455, section 4.2): a request's head in, response bytes out.

The head has been parsed already; this checks what it says. No I/O.
"""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.short_digests import sha1

_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    426: "Upgrade Required",
    503: "Service Unavailable",
}


def accept_upgrade(head: RequestHead) -> bytes:
    """Return the 101 response; raises `ClientError` 400 or 426 saying what is wrong.

    Extensions and subprotocols are never accepted, so nothing is compressed.
    """
    if head.method != "GET" or not head.http_version.endswith("1.1"):
        raise ClientError("A websocket begins with GET and HTTP/1.1")
    _single(head, "host")
    if _single(head, "upgrade").lower() != "websocket":
        raise ClientError("Header 'Upgrade' must be 'websocket'")
    if "upgrade" not in _tokens(head.header_values("connection")):
        raise ClientError("Header 'Connection' must say 'Upgrade'")
    if _single(head, "sec-websocket-version") != "13":
        raise ClientError("Header 'Sec-WebSocket-Version' must be 13", 426)
    if head.header_values("transfer-encoding") or set(head.header_values("content-length")) - {"0"}:
        raise ClientError("A websocket request has no body")
    if len(head.header_values("origin")) > 1:
        raise ClientError("Header 'Origin' is given twice")
    return _switching(_key(head))


def _switching(key: str) -> bytes:
    digest = sha1(key.encode() + _ACCEPT_GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def _single(head: RequestHead, name: str) -> str:
    values = head.header_values(name)
    if len(values) != 1:
        how = "missing" if not values else "given twice"
        raise ClientError(f"Header '{name}' is {how}")
    return values[0].strip()


def _tokens(values: Sequence[str]) -> set[str]:
    return {token.strip().lower() for value in values for token in value.split(",")}


def _key(head: RequestHead) -> str:
    key = _single(head, "sec-websocket-key")
    try:
        valid = len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except (ValueError, binascii.Error):
        valid = False
    if not valid:
        raise ClientError("Header 'Sec-WebSocket-Key' must be 16 bytes in base64")
    return key


def refusal(error: ClientError) -> bytes:
    """The HTTP response of a handshake that failed; the connection closes behind it."""
    body = msgspec.json.encode({"error": {"code": error.status, "message": error.message}})
    version = b"Sec-WebSocket-Version: 13\r\n" if error.status == 426 else b""
    return (
        f"HTTP/1.1 {error.status} {_PHRASES.get(error.status, 'Error')}\r\n"
        "Content-Type: application/json; charset=UTF-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    ).encode() + version + b"\r\n" + body  # fmt: skip
