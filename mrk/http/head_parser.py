"""Bytes of a connection -> the head of the next request, through httptools.

One parser per request; the connection's task feeds it. Only the head is ever fed, so the
bytes behind it (body, next request, websocket frames) stay exactly where they were cut.
"""

import re

import httptools

from mrk.http.refusal import Refusal

_HEAD_END = b"\r\n\r\n"
_VERSIONS = ("1.1", "1.0")
_AUTHORITY = r"(?i)https?://[^/?]*"


class _Collector:
    """What httptools calls back; apart from the parser, so that no reference cycle forms."""

    __slots__ = ("complete", "headers", "hosts", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []
        self.hosts = 0
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.decode("latin-1").lower()
        if lower == "host":
            self.hosts += 1
        self.headers.append((lower, value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.complete = True


class HeadParser:
    """Cuts one head off the front of a stream; holds at most `limit_bytes` and one chunk.

    After `feed` returned True: `method`, `target`, `http_version`, `headers` (names in lower
    case, values as Latin-1), `raw` (the head's bytes) and `rest` (what came behind it).
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._collector = _Collector()
        self._parser = httptools.HttpRequestParser(self._collector)
        # Whether anything but blank lines has come.
        self.begun = False
        self.raw = b""
        self.rest = b""
        self.method = self.target = self.http_version = ""
        self.headers: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> bool:
        """Take bytes; True once the head is whole.

        Raises `Refusal`: 400 for what is no HTTP/1, 431 over the limit, 505 for other versions.
        """
        if not self.begun:
            data = data.lstrip(b"\r\n")  # RFC 9112, 2.2: blank lines before a request
            if not data:
                return False
            data = _quoted(data)
            self.begun = True
        already = len(self.raw)
        whole = self.raw + data
        end = whole.find(_HEAD_END, max(0, already - 3))
        size = len(whole) if end < 0 else end + 4
        if size > self._limit_bytes:
            raise Refusal(431, f"Request head over {self._limit_bytes} bytes")
        self._parse(whole[already:size] if already or end >= 0 else data)
        if end < 0:
            self.raw = whole
            return False
        self.raw, self.rest = whole[:size], whole[size:]
        self._finish()
        return True

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # a websocket's or CONNECT's head is whole; nothing behind it was fed
        except httptools.HttpParserError as exc:
            raise Refusal(400, f"Bad request: {exc}") from None

    def _finish(self) -> None:
        collector = self._collector
        if not collector.complete:
            raise Refusal(400, "Bad request: the head is not HTTP/1.1")
        if collector.hosts > 1:  # RFC 9112, 3.2: two parsers could each believe another one
            raise Refusal(400, "Bad request: more than one Host header")
        self.http_version = self._parser.get_http_version()
        if self.http_version not in _VERSIONS:
            raise Refusal(505, f"HTTP version {self.http_version} is not supported")
        self.method = self._parser.get_method().decode("latin-1")
        self.target = _origin_form(collector.url.decode("latin-1"))
        self.headers = collector.headers


def _quoted(data: bytes) -> bytes:
    """The same with `%20` for blanks within the target: moonrakerpy sends them raw.

    Only where the whole request line came at once, as it does from such clients.
    """
    end = data.find(b"\r\n")
    if end < 0 or data.count(b" ", 0, end) <= 2:
        return data
    method, _, rest = data[:end].partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if not version.startswith(b"HTTP/1."):
        return data
    return b"%s %s %s%s" % (method, target.replace(b" ", b"%20"), version, data[end:])


def _origin_form(target: str) -> str:
    """`http://host/path` as proxies send it -> `/path`; `http://host?query` -> `/?query`."""
    if target.startswith("/"):
        return target
    found = re.match(_AUTHORITY, target)
    if found is None:
        return target
    path = target[found.end() :]
    return path if path.startswith("/") else "/" + path
