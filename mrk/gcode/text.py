"""A window of a g-code file as text to ask: its comments by key, its head and its tail.

Comment lines such as `; key = value`, `;Key:value` and `;   key,value` are indexed once, zone by
zone (`mrk/gcode/zones.py`); thumbnails are taken out before that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mrk.gcode.heights import extruded_heights
from mrk.gcode.source import Window
from mrk.gcode.thumbnails import IMAGES_LIMIT, Thumbnail, take_apart
from mrk.gcode.zones import LOOSE_LETTERS, Zone, Zones, loose_key, split


@dataclass(frozen=True, slots=True)
class Layout:
    """At which end of the file a slicer writes its settings, and its summary."""

    settings_at_end: bool = False
    summary_at_end: bool = False


TOP = Layout()


class GcodeText:
    """What the slicers' tables are read from.

    `header` and `footer` begin with a newline, lines may end in CR LF; for a file that is in the
    window as a whole they are the same bytes. `layout` is set once the slicer is known.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.layout = TOP
        # Why images were left out.
        self.notes: list[str] = []
        self.header, images = take_apart(window.head, self.notes)
        self.footer = self.header
        if not window.whole:
            self.footer, more = take_apart(window.tail, self.notes)
            images += more
        self.thumbnails: list[Thumbnail] = images[:IMAGES_LIMIT]

    @cached_property
    def zones(self) -> Zones:
        """Where comments stand, for the layout that was set."""
        footer = None if self.window.whole else self.footer
        return split(self.header, footer, latest=self.layout.summary_at_end)

    def _order(self, summary: bool) -> tuple[Zone, ...]:
        zones = self.zones
        if summary:
            at_end = self.layout.summary_at_end
            ends = (zones.trailing, zones.leading) if at_end else (zones.leading, zones.trailing)
            return (*ends, zones.body, zones.config)
        at_end = self.layout.settings_at_end
        ends = (zones.trailing, zones.leading) if at_end else (zones.leading, zones.trailing)
        return (zones.config, *ends, zones.body)

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

    def value(self, *keys: bytes, summary: bool = False) -> bytes | None:
        """The first of `values`."""
        return next(self.values(*keys, summary=summary), None)

    def values(self, *keys: bytes, summary: bool = False) -> Iterator[bytes]:
        """Values of comments, those of the first of `keys` first, without blanks and empty ones.

        Looked for where the slicer writes its settings, or its summary, before anywhere else; in
        another spelling (capitals, blanks, underlines) behind all that are spelt so.
        """
        order = self._order(summary)
        for key in keys:
            for zone in order:
                if value := zone.comments.get(key, b"").strip():
                    yield value
        for key in keys:
            if len(loose := loose_key(key)) < LOOSE_LETTERS:
                continue
            for zone in order:
                if zone is not self.zones.body and (value := zone.loose.get(loose, b"").strip()):
                    yield value

    def find_all(self, pattern: re.Pattern[bytes], *, summary: bool = True) -> list[bytes]:
        """What matches in the first zone in which anything does: the slicer's own lines.

        Of a zone with free text in it what stands before that counts, if there is anything.
        """
        for zone in self._order(summary):
            found = pattern.findall(zone.piece, 0, zone.free_text_at)
            if found := found or pattern.findall(zone.piece):
                return found
        return []
