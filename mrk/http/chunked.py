"""Chunked bodies (RFC 9112, section 7.1), read strictly.

One decoder per body, fed by whoever reads the connection. Extensions and trailers are
dropped; both are bounded, as is the size of one chunk's line.
"""

import re

from mrk.http.refusal import Refusal

_MAX_LINE_BYTES = 1024
_MAX_TRAILER_BYTES = 16 * 1024
_SIZE_LINE = rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?"
_TRAILER_LINE = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*"


class ChunkedDecoder:
    """Bytes in, body bytes out; `done` once the last chunk and the trailers were seen.

    `rest` then holds what follows the body. Raises `Refusal` 400 for any other shape.
    """

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._buffer = b""
        self._at = 0  # what lies before it in the buffer is used up
        self._missing = 0  # bytes of the current chunk's data
        self._ends_chunk = False  # the line end behind a chunk's data is due
        self._in_trailers = False
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes, return what of the body was in them."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        body = []
        while not self.done:
            if self._missing:
                part = self._buffer[self._at : self._at + self._missing]
                if not part:
                    break
                self._at += len(part)
                self._missing -= len(part)
                self._ends_chunk = not self._missing
                body.append(part)
            elif not self._take_line():
                break
        return b"".join(body)

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\n", self._at, self._at + _MAX_LINE_BYTES)
        if end < 0:
            if len(self._buffer) - self._at >= _MAX_LINE_BYTES:
                raise Refusal(400, "Bad request: a chunk's line is too long")
            return False
        line, self._at = self._buffer[self._at : end + 1], end + 1
        if line[-2:] != b"\r\n":
            raise Refusal(400, "Bad request: a chunk's line must end with CR LF")
        self._on_line(line[:-2])
        return True

    def _on_line(self, line: bytes) -> None:
        if self._ends_chunk:
            if line:
                raise Refusal(400, "Bad request: a chunk is longer than it said")
            self._ends_chunk = False
        elif self._in_trailers:
            self._on_trailer(line)
        else:
            match = re.fullmatch(_SIZE_LINE, line)
            if match is None:
                raise Refusal(400, "Bad request: a chunk's size is not a number")
            self._missing = int(match[1], 16)
            self._in_trailers = not self._missing

    def _on_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if not line:
            self.done = True
            self.rest, self._buffer = self._buffer[self._at :], b""
        elif self._trailer_bytes > _MAX_TRAILER_BYTES or not re.fullmatch(_TRAILER_LINE, line):
            raise Refusal(400, "Bad request: bad trailers")
