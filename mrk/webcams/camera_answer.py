"""The head of a camera's answer, read strictly enough: bytes in, status and headers out. Pure."""

import re

import msgspec

from mrk.errors import MrkError
from mrk.http.response import BODILESS, Headers

HEAD_BYTES = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST_HEADERS = 100
_LENGTH_DIGITS = 15


class BadAnswer(MrkError):
    """The camera does not speak HTTP as it should; the text says what is wrong."""


class CameraAnswer(msgspec.Struct, frozen=True):
    """Header names are lower-case. `length` is None for a body that ends with the connection."""

    status: int
    headers: Headers
    chunked: bool
    length: int | None

    def header(self, name: str) -> str:
        """The first value, empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")


def parse_answer(head: bytes, *, to_head: bool = False) -> CameraAnswer:
    """`head` ends before the empty line; `to_head` for an answer to HEAD. Raises `BadAnswer`."""
    first, *lines = head.replace(b"\r\n", b"\n").split(b"\n")
    matched = _STATUS.fullmatch(first)
    if matched is None:
        raise BadAnswer("the answer does not begin with a status of HTTP/1.1")
    if len(lines) > _MOST_HEADERS:
        raise BadAnswer("the answer has too many headers")
    headers = [_header(line) for line in lines]
    status = int(matched[1])
    if to_head or status in BODILESS or status < 200:
        return CameraAnswer(status, headers, False, 0)
    codings = [value.lower() for name, value in headers if name == "transfer-encoding"]
    if codings:
        if codings != ["chunked"]:
            raise BadAnswer("the answer has an unknown transfer encoding")
        return CameraAnswer(status, headers, True, None)
    return CameraAnswer(status, headers, False, _length(headers))


def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.decode("latin-1").partition(":")
    value = value.strip(" \t")
    # Latin-1 has control characters beyond 0x7f, too; none of them is passed on.
    if not colon or not _NAME.fullmatch(name) or any(ord(c) < 32 and c != "\t" for c in value):
        raise BadAnswer("the answer has a header that is none")
    return name.lower(), value


def _length(headers: Headers) -> int | None:
    lengths = {value for name, value in headers if name == "content-length"}
    if not lengths:
        return None
    text = lengths.pop()
    if lengths or not (text.isascii() and text.isdigit()) or len(text) > _LENGTH_DIGITS:
        raise BadAnswer("the answer's length is no number")
    return int(text)
