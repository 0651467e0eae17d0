"""A window of a g-code file as text to ask: its comments by key, its head and its tail.

Comment lines such as `; key = value`, `;Key:value` and `;   key,value` are indexed once, the first
of equal keys wins, the head before the tail; thumbnails are taken out before that.
"""

import re
from collections.abc import Iterator
from functools import cached_property

from mrk.gcode.heights import extruded_heights
from mrk.gcode.source import Window
from mrk.gcode.thumbnails import IMAGES_LIMIT, Thumbnail, take_apart

VALUE_LIMIT_BYTES = 8192
KEYS_LIMIT = 20_000
_CHUNK_BYTES = 128 * 1024  # so that a file of nothing but comments costs little memory
_PAIR = re.compile(rb"\n;[; \t]{0,16}+([^\n=:,]{1,64}+)[=:,]([^\n]{0,%d}+)" % VALUE_LIMIT_BYTES)


class GcodeText:
    """What the slicers' tables are read from.

    `header` and `footer` begin with a newline, lines may end in CR LF; for a file that is in the
    window as a whole they are the same bytes.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.header, images = take_apart(window.head)
        self.footer = self.header
        if not window.whole:
            self.footer, more = take_apart(window.tail)
            images += more
        self.thumbnails: list[Thumbnail] = images[:IMAGES_LIMIT]

    @cached_property
    def comments(self) -> dict[bytes, bytes]:
        """First value of each comment key, blanks not yet stripped from the value."""
        found: dict[bytes, bytes] = {}
        for piece in (self.header,) if self.window.whole else (self.header, self.footer):
            for chunk in _chunks(piece):
                for key, value in _PAIR.findall(chunk):
                    if key not in found and len(found) < KEYS_LIMIT:
                        found[key] = value
        return {key.rstrip(): value for key, value in reversed(found.items())}

    @cached_property
    def _header_heights(self) -> tuple[float, float] | None:
        return extruded_heights(self.header)

    @cached_property
    def lowest_height(self) -> float | None:
        """Z in mm of the lowest extrusion in the head, measured."""
        heights = self._header_heights
        return heights[0] if heights and heights[0] > 0 else None

    @cached_property
    def highest_height(self) -> float | None:
        """Z in mm of the highest extrusion in the tail, measured."""
        whole = self.window.whole
        heights = self._header_heights if whole else extruded_heights(self.footer)
        return heights[1] if heights and heights[1] > 0 else None

    def value(self, *keys: bytes) -> bytes | None:
        """Value of the first of `keys` that stands in a comment with something behind it."""
        for key in keys:
            value = self.comments.get(key)
            if value is not None and (value := value.strip()):
                return value
        return None

    def search(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """First match in the head, else in the tail."""
        match = pattern.search(self.header)
        if match is None and not self.window.whole:
            match = pattern.search(self.footer)
        return match


def _chunks(piece: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(piece):
        stop = piece.find(b"\n", start + _CHUNK_BYTES)
        stop = len(piece) if stop < 0 else stop
        yield piece[start:stop]
        start = stop
