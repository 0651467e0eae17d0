"""Answers of the HTTP API, and how they look on the wire.

Built by `transports/door/api_http.py`, written by whichever door the request came through.
"""

import re
from collections.abc import Sequence

import msgspec

from mrk.errors import ClientError

JSON = "application/json; charset=UTF-8"
_MAX_REASON_CHARS = 200
_UNPRINTABLE = r"[^\x20-\x7e\xa0-\xff]+"
# Statuses of answers without a body.
BODILESS = (204, 304)
# Those we send; the whole list of `http` costs 0.1 MB.
_STANDARD = {
    101: "Switching Protocols", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
    206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other",
    304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed",
    413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
    416: "Range Not Satisfiable", 417: "Expectation Failed", 422: "Unprocessable Content",
    426: "Upgrade Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode

Headers = Sequence[tuple[str, str]]


class Response(msgspec.Struct, frozen=True):
    """One answer. `reason` empty means the standard phrase; `content_type` empty: no such header.

    Header values come from us or from checked input: no control characters in them.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    reason: str = ""
    headers: Headers = ()

    def with_headers(self, headers: Headers) -> "Response":
        """The same answer with more headers."""
        return msgspec.structs.replace(self, headers=(*self.headers, *headers)) if headers else self


def result_response(result: object) -> Response:
    """`{"result": ...}`, or the response itself that a handler made.

    Raises `TypeError` or `ValueError` for what JSON cannot carry.
    """
    if type(result) is Response:
        return result
    return Response(200, b'{"result":' + _encode(result) + b"}")


def error_response(error: ClientError) -> Response:
    """`{"error": {"code", "message"}}`, the message also as the reason phrase."""
    body = {"error": {"code": error.status, "message": error.message}}
    return Response(error.status, _encode(body), reason=reason_phrase(error.message))


def reason_phrase(message: str) -> str:
    """`message` as one line of printable Latin-1, at most 200 characters."""
    one_line = " ".join(message[: 4 * _MAX_REASON_CHARS].split())
    return re.sub(_UNPRINTABLE, "?", one_line)[:_MAX_REASON_CHARS]


def standard_phrase(status: int) -> str:
    """The phrase that RFC 9110 gives a status."""
    return _STANDARD.get(status, "Unknown")


def wire(
    response: Response,
    keep_alive: bool = True,
    old: bool = False,
    head: bool = False,
    body_bytes: int | None = None,
    endless: bool = False,
) -> bytes:
    """The whole answer as bytes.

    `old` says the client speaks HTTP/1.0, where staying open has to be said; `head` leaves
    the body out, as an answer to HEAD. `body_bytes` is the length of a body that is sent apart;
    an `endless` one has none, and the connection's end is its end.
    """
    status = response.status
    lines = f"HTTP/1.1 {status} {response.reason or standard_phrase(status)}\r\n"
    if response.content_type:
        lines += f"Content-Type: {response.content_type}\r\n"
    if status not in BODILESS and not endless:
        length = len(response.body) if body_bytes is None else body_bytes
        lines += f"Content-Length: {length}\r\n"
    for name, value in response.headers:
        lines += f"{name}: {value}\r\n"
    if not keep_alive:
        lines += "Connection: close\r\n"
    elif old:
        lines += "Connection: keep-alive\r\n"
    return (lines + "\r\n").encode("latin-1") + (b"" if head else response.body)
