"""Cuts an MJPEG stream (multipart/x-mixed-replace) into its pictures.

Bytes in, pictures out; bounded by `most_bytes` a picture, and by headers and pictures in what comes
at once. Servers differ: some give the length of each picture, some do not; some write the boundary
with its dashes into the header, some without. Pure; one splitter per connection to a camera.
"""

import re

_HEADER_BYTES = 4096
# Headers and pictures in one piece of a stream, of 128 KiB at most: the smallest JPEG with its
# header has some 200 bytes. It bounds how long the event loop is busy with one piece.
MOST_STEPS = 1000
_MULTIPART = re.compile(r"multipart/(?:x-mixed-replace|mixed)\b", re.IGNORECASE)
_BOUNDARY = re.compile(r";\s*boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^\s;]{1,200}))", re.IGNORECASE)


class BadMjpeg(Exception):
    """What came is no MJPEG, or is larger than it may be."""


def boundary_of(content_type: str) -> bytes | None:
    """The boundary without its dashes; None for what is no stream of pictures."""
    if not _MULTIPART.match(content_type.strip()):
        return None
    found = _BOUNDARY.search(content_type)
    if found is None:
        return None
    return (found[1] or found[2]).strip("-").encode("latin-1", "replace") or None


class MjpegSplitter:
    """`feed` returns the pictures that are whole, without their headers."""

    def __init__(self, boundary: bytes, most_bytes: int) -> None:
        self._mark = b"--" + boundary
        # The end of a picture without a length; some write more dashes than they say.
        self._end = re.compile(rb"\r?\n-{2,4}" + re.escape(boundary))
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._searched = 0  # no boundary begins before it in the buffer
        self._missing = 0  # of a picture whose length is known
        self._parts: list[bytes] = []
        self._in_body = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; raises `BadMjpeg`."""
        pictures: list[bytes] = []
        if self._missing:
            data = self._take_known(data, pictures)
        self._buffer += data
        steps = 0
        while not self._missing and self._step(pictures):
            steps += 1
            if steps > MOST_STEPS:
                raise BadMjpeg("the pictures are too small to be any")
        return pictures

    def _take_known(self, data: bytes, pictures: list[bytes]) -> bytes:
        """More of a picture of known length: kept as it comes, joined once."""
        part, rest = data[: self._missing], data[self._missing :]
        self._parts.append(part)
        self._missing -= len(part)
        if not self._missing:
            pictures.append(b"".join(self._parts))
            self._parts.clear()
        return rest

    def _step(self, pictures: list[bytes]) -> bool:
        """Take the next header or picture; False when there is not enough."""
        return self._take_unknown(pictures) if self._in_body else self._take_header(pictures)

    def _take_header(self, pictures: list[bytes]) -> bool:
        start = self._buffer.find(self._mark, self._searched)
        if start < 0:
            self._skip_preamble()
            return False
        last = start + _HEADER_BYTES + 4
        head, separator = self._buffer.find(b"\r\n\r\n", start, last), 4
        bare = self._buffer.find(b"\n\n", start, last)
        if bare >= 0 and (head < 0 or bare < head):
            head, separator = bare, 2
        if head < 0:
            if len(self._buffer) - start > _HEADER_BYTES:
                raise BadMjpeg("a picture's header is too long")
            return False
        length = _content_length(bytes(self._buffer[start:head]))
        del self._buffer[: head + separator]
        self._searched = 0
        if length is None:
            self._in_body = True
            return True
        if length > self._most_bytes:
            raise BadMjpeg(f"a picture of {length} bytes (at most {self._most_bytes})")
        if length:
            self._missing = length
            # Only the picture is copied: what lies behind it may be much more.
            self._take_known(bytes(self._buffer[:length]), pictures)
            del self._buffer[:length]
        return True

    def _skip_preamble(self) -> None:
        # What stands before the first boundary, and line ends between two pictures.
        keep = len(self._mark) - 1
        if len(self._buffer) > _HEADER_BYTES + keep:
            raise BadMjpeg("there is no boundary where one has to be")
        self._searched = max(len(self._buffer) - keep, 0)

    def _take_unknown(self, pictures: list[bytes]) -> bool:
        """A picture that ends where the next boundary begins."""
        found = self._end.search(self._buffer, self._searched)
        if found is None:
            self._searched = max(len(self._buffer) - len(self._mark) - 4, 0)
            if len(self._buffer) > self._most_bytes + _HEADER_BYTES:
                raise BadMjpeg(f"a picture of more than {self._most_bytes} bytes")
            return False
        picture = bytes(self._buffer[: found.start()])
        del self._buffer[: found.start()]
        self._searched, self._in_body = 0, False
        if len(picture) > self._most_bytes:
            raise BadMjpeg(f"a picture of {len(picture)} bytes (at most {self._most_bytes})")
        if picture:
            pictures.append(picture)
        return True


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        text = value.strip()
        if colon and name.strip().lower() == b"content-length" and text.isdigit():
            if len(text) > 12:
                raise BadMjpeg("a picture's length is no length")
            return int(text)
    return None
