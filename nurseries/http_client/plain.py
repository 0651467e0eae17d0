"""One request over plain HTTP/1.1 to a device on the user's network, without httpx.

Devices are polled, ten of them every few seconds, which needs neither httpx nor what it imports.
One connection each, closed behind the answer; the caller puts a deadline round it.
"""

import base64
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

import httptools
import trio

from mrk.http.client import Fetched, FetchFailed, NotReached
from mrk.http.request_target import request_target
from mrk.http.response import BODILESS

_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_UNSAFE = r"[\x00-\x20\x7f]"
_WITH_BODY = ("POST", "PUT", "PATCH")


class _Answer:
    """What httptools calls while it parses; keeps at most `most_bytes` of the body."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.has_head = False
        self.done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        known = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self.headers[known] = f"{self.headers[known]}, {text}" if known in self.headers else text

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.body += body[: self._most_bytes + 1 - len(self.body)]

    def on_message_complete(self) -> None:
        self.done = True

    @property
    def is_too_long(self) -> bool:
        return len(self.body) > self._most_bytes


class PlainUrl:
    """An http URL in the parts that a request needs; raises `NotReached` for what is none."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as exc:
            raise NotReached(f"{url[:100]!r} is not a URL: {exc}") from exc
        if not parts.hostname or re.search(_UNSAFE, parts.netloc) or port == 0:
            raise NotReached(f"{url[:100]!r} is not a URL")
        self.host = parts.hostname
        self.port = port or 80
        self.target = request_target(parts)
        self.netloc = parts.netloc.rpartition("@")[2]
        self.credentials = ""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.credentials = base64.b64encode(pair.encode()).decode()


def _request(verb: str, url: PlainUrl, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = {"Host": url.netloc, "Accept": "*/*", "Connection": "close"}
    if url.credentials:
        lines["Authorization"] = f"Basic {url.credentials}"
    lines |= headers
    if body is not None or verb in _WITH_BODY:
        # Many servers refuse a POST without a length, or wait for its body.
        lines["Content-Length"] = str(len(body or b""))
    for name, value in lines.items():
        if not name.isascii() or "\r" in value or "\n" in value:
            raise NotReached(f"the header {name[:40]!r} has a line break")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{verb} {url.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + (
        body or b""
    )


async def exchange(
    verb: str, url: str, headers: Mapping[str, str], body: bytes | None, most_bytes: int
) -> Fetched:
    """Ask and read. Raises `FetchFailed`, of its kind `NotReached` when nothing was sent."""
    where = PlainUrl(url)
    sent = _request(verb, where, headers, body)
    try:
        stream = await _connected(where.host, where.port)
    except (OSError, ValueError) as exc:
        raise NotReached(f"{where.netloc}: {_said(exc)}") from exc
    async with stream:
        try:
            await stream.send_all(sent)
            return await _read(stream, most_bytes)
        except trio.BrokenResourceError as exc:
            raise FetchFailed(f"{where.netloc}: the connection broke") from exc


async def _connected(host: str, port: int) -> trio.SocketStream:
    """An address is connected to at once; for a name Trio tries all addresses, in tasks."""
    try:
        version = ip_address(host).version
    except ValueError:
        return await trio.open_tcp_stream(host, port)
    sock = trio.socket.socket(trio.socket.AF_INET if version == 4 else trio.socket.AF_INET6)
    try:
        await sock.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


async def _read(stream: trio.SocketStream, most_bytes: int) -> Fetched:
    answer = _Answer(most_bytes)
    parser = httptools.HttpResponseParser(answer)
    head_bytes = 0
    while not answer.done:
        data = await stream.receive_some(_CHUNK_BYTES)
        if not data:
            break
        head_bytes += 0 if answer.has_head else len(data)
        _feed(parser, data)
        if answer.has_head and parser.get_status_code() in BODILESS:
            break
        if answer.done and 100 <= parser.get_status_code() < 200:
            answer = _Answer(most_bytes)
            parser = httptools.HttpResponseParser(answer)
        if answer.is_too_long:
            break
        if not answer.has_head and head_bytes > _HEAD_BYTES:
            raise FetchFailed("the head of the answer is too long")
    return _result(parser, answer, most_bytes)


def _feed(parser: Any, data: bytes) -> None:
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade as exc:
        raise FetchFailed("the answer is not an HTTP answer") from exc
    except httptools.HttpParserError as exc:
        raise FetchFailed(f"the answer is not HTTP: {exc}") from exc


def _result(parser: Any, answer: _Answer, most_bytes: int) -> Fetched:
    if not answer.has_head:
        raise FetchFailed("the connection was closed without an answer")
    headers = answer.headers
    ends_by_itself = "content-length" in headers or "transfer-encoding" in headers
    status = parser.get_status_code()
    if not (answer.done or answer.is_too_long or status in BODILESS) and ends_by_itself:
        raise FetchFailed("the connection was closed in the middle of the answer")
    if headers.get("content-encoding", "identity") != "identity":
        raise FetchFailed("the answer is compressed, though that was not asked for")
    body = bytes(answer.body[:most_bytes])
    return Fetched(status, headers, body, not answer.is_too_long)


def _said(error: Exception) -> str:
    """The reason, also where trio tried several addresses."""
    causes = getattr(error.__cause__, "exceptions", None) or [error]
    return str(causes[0]) or type(causes[0]).__name__
