"""What of a request goes on to a camera, and what of its answer comes back.

Nothing that says who asks leaves: credentials stay here, in headers and in the query. The target's
host is the configuration's; of the request comes only the rest of a path. Pure.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

import msgspec

from mrk.errors import ClientError
from mrk.http.head import READING, RequestHead
from mrk.http.response import Headers

# Of signalling (an SDP is some 5 KB), and of whatever else is sent to a camera.
BODY_BYTES = 256 * 1024
_SAFE = "/:@!$&'()*+,;=~-._"
_TO_CAMERA = frozenset(
    {"accept", "accept-language", "content-type", "if-match", "if-modified-since",
     "if-none-match", "range", "user-agent"}
)  # fmt: skip
_TO_CAMERA_UPGRADE = frozenset(
    {"sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
     "sec-websocket-version", "user-agent"}
)  # fmt: skip
_FROM_CAMERA = frozenset(
    {"accept-patch", "accept-ranges", "cache-control", "content-disposition", "content-encoding",
     "content-range", "etag", "last-modified", "link", "location", "vary"}
)  # fmt: skip
_FROM_CAMERA_UPGRADE = frozenset(
    {"sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol"}
)
_COMMANDS = ("command", "input_cmd", "output_cmd")
_SECRETS = frozenset({"access_token", "token", "api_key", "apikey", "connection_id"})
# Front ends add them so that no cache answers; they make no other stream.
_BUSTERS = frozenset(
    {"bypasscache", "cachebust", "cachebuster", "nocache", "rand", "t", "timestamp", "ts", "_"}
)
_STREAMS = re.compile(
    r"(?:^|/)(?:stream|video|mjpe?g|mjpe?g_stream)(?:\.(?:mjpe?g|cgi))?$|\.mjpe?g$", re.IGNORECASE
)
_SNAPSHOTS = re.compile(
    r"(?:^|/)(?:snapshot|photo|image)(?:\.cgi)?$|\.(?:jpe?g|png)$", re.IGNORECASE
)
_SIGNALLING = re.compile(
    r"(?:^|/)(?:webrtc|whep|whip|offer|signal(?:l?ing)?)(?:$|[/.])", re.IGNORECASE
)


class CameraRequest(msgspec.Struct, frozen=True):
    """What a camera is asked: `target` as it stands behind the method, `key` without what changes
    nothing."""

    target: str
    key: str
    is_stream: bool
    is_snapshot: bool


def camera_request(base: str, rest: str, query: Sequence[tuple[str, str]]) -> CameraRequest:
    """`rest` is the decoded path below the camera's, `base` the camera's own path, with its slash.

    Raises `ClientError` 400 for a path that leads out of it.
    """
    if any(not text.isprintable() or "\ufffd" in text for text in (rest, *map("=".join, query))):
        raise ClientError("The path has characters that no camera's path has")
    if ".." in rest.split("/") or "\\" in rest:
        raise ClientError("The path leads out of the camera's")
    path = base + quote(rest, safe=_SAFE)
    passed = [(name, value) for name, value in query if name.lower() not in _SECRETS]
    lasting = [(name, value) for name, value in passed if name.lower() not in _BUSTERS]
    action = dict(lasting).get("action", "")
    return CameraRequest(
        target=_with_query(path, passed),
        key=_with_query(path, lasting),
        is_stream=action == "stream" or (not action and bool(_STREAMS.search(rest))),
        is_snapshot=action == "snapshot" or (not action and bool(_SNAPSHOTS.search(rest))),
    )


def _with_query(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    if not pairs:
        return path
    written = (
        quote(name, safe=_SAFE[2:]) + ("=" + quote(value, safe="/:@,~-._") if value else "")
        for name, value in pairs
    )
    return f"{path}?{'&'.join(written)}"


def changes_camera(method: str, rest: str, query: Sequence[tuple[str, str]]) -> bool:
    """Whether a request may do more than look: signalling of a view is looking."""
    if method in READING:
        # Any of several, and whatever follows: mjpg-streamer looks at the beginning alone.
        return any(
            name.lower() == "action" and value.lower().startswith(_COMMANDS)
            for name, value in query
        )
    return not _SIGNALLING.search(rest)


def request_bytes(
    method: str, target: str, host: str, head: RequestHead, body: bytes | None, close: bool = True
) -> bytes:
    """The request as it is sent to the camera; without `close` it asks for a websocket."""
    allowed = _TO_CAMERA if close else _TO_CAMERA_UPGRADE
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in head.headers if name in allowed]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += ["Connection: close"] if close else ["Connection: Upgrade", "Upgrade: websocket"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def passed_headers(headers: Headers, base: str, prefix: str, host: str) -> Headers:
    """Those of a camera's answer that its client gets.

    A `Location` below `base` (or at the camera's own host) becomes one below `prefix`, and all
    others are left out: a camera sends nobody elsewhere. What it sends runs in no origin of ours.
    """
    passed: list[tuple[str, str]] = []
    for name, value in headers:
        if name == "location":
            where = _moved(value, base, prefix, host)
            if where is not None:
                passed.append(("Location", where))
        elif name in _FROM_CAMERA:
            passed.append((name.title(), value))
    passed.append(("X-Content-Type-Options", "nosniff"))
    passed.append(("Content-Security-Policy", "sandbox allow-scripts"))
    return passed


def _moved(value: str, base: str, prefix: str, host: str) -> str | None:
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    if parts.netloc not in ("", host) or parts.scheme not in ("", "http"):
        return None
    path = parts.path
    # Browsers take a backslash for a slash.
    if "\\" in path or ".." in unquote(path).split("/"):
        return None
    if path.startswith(base):
        path = prefix + "/" + path[len(base) :]
    elif path.startswith("/") or ":" in path.partition("/")[0]:
        # Elsewhere at the camera; or an address of its own, as in `http:https://example.org`.
        return None
    return path + (f"?{parts.query}" if parts.query else "")


def upgraded_bytes(headers: Headers) -> bytes:
    """The 101 that the client gets."""
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"{name}: {value}" for name, value in headers if name in _FROM_CAMERA_UPGRADE]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
