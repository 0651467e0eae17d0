"""Object processing for Klipper's `exclude_object`: two passes over a file that names its objects.

`Survey` learns names and outlines, `Rewrite` gives the file back with `EXCLUDE_OBJECT_DEFINE`,
`_START` and `_END` added. Pure; lines come in one by one, memory is bounded by the number of
objects. Run by the scan worker on request, never by itself.
"""

import re

from mrk.gcode.hull import Outline, centre
from mrk.gcode.object_marks import Marks, Style
from mrk.gcode.processors import OBJECTS_SIGNATURE

LINE_LIMIT_BYTES = 64 * 1024  # longer lines arrive in pieces, which are passed on unread
_WORD = re.compile(rb"([XYE])(-?\d{0,12}\.?\d{1,12})")
_COMMAND = re.compile(rb"[ \t]{0,64}+[A-Za-z_]")
_MOVES = (b"G0 ", b"G1 ", b"G2 ", b"G3 ", b"G00 ", b"G01 ")


class Survey:
    """First pass: which objects there are and where they stand."""

    def __init__(self, style: Style) -> None:
        self._marks = Marks(style)
        self._outlines: dict[str, Outline] = {}
        self._at: dict[bytes, float] = {}
        self._relative = False
        self._relative_e = False
        self._whole = True  # the piece begins a line

    def feed(self, line: bytes) -> None:
        """Take a line, or a piece of an overlong one."""
        begins, self._whole = self._whole, line.endswith(b"\n")
        if not begins or self._marks.feed(line):
            return
        if line.startswith(_MOVES):
            self._move(line)
        elif line.startswith((b"G9", b"M8")):
            self._mode(line)

    def objects(self) -> dict[str, Outline]:
        """Outline of every object that extrudes, in order of appearance."""
        return self._outlines

    def _mode(self, line: bytes) -> None:
        match line.split(None, 1)[0]:
            case b"G90":
                self._relative = False
            case b"G91":
                self._relative = True
            case b"M82":
                self._relative_e = False
            case b"M83":
                self._relative_e = True
            case b"G92":
                self._at |= {word: float(value) for word, value in _WORD.findall(line)}

    def _move(self, line: bytes) -> None:
        words = dict(_WORD.findall(line.partition(b";")[0]))
        before, after = self._at, dict(self._at)
        for word, raw in words.items():
            relative = self._relative_e if word == b"E" else self._relative
            after[word] = float(raw) + (before.get(word, 0.0) if relative else 0.0)
        self._at = after
        extruded = after.get(b"E", 0.0) - before.get(b"E", 0.0)
        if self._marks.active is None or extruded <= 0 or not (b"X" in words or b"Y" in words):
            return
        outline = self._outlines.setdefault(self._marks.active, Outline())
        for at in (before, after):
            if b"X" in at and b"Y" in at:
                outline.add((round(at[b"X"], 3), round(at[b"Y"], 3)))


class Rewrite:
    """Second pass: the same lines with Klipper's commands between them."""

    def __init__(self, style: Style, objects: dict[str, Outline], version: str) -> None:
        self._marks = Marks(style)
        self._silence_m486 = style is Style.M486
        self._objects = objects
        self._version = version
        self._open: str | None = None
        self._defined = False
        self._whole = True

    def feed(self, line: bytes) -> bytes:
        """A line, or a piece of one, as it stands in the new file."""
        begins, self._whole = self._whole, line.endswith(b"\n")
        if not begins:
            return line
        marked = self._marks.feed(line)
        added = b""
        if not self._defined and (self._marks.active or _COMMAND.match(line)):
            self._defined = True
            added = self._definitions()
        if not marked:
            return added + line
        if self._silence_m486:  # Klipper has no M486; a macro of that name would do it twice
            line = b"; " + line
        if not line.endswith(b"\n"):
            line += b"\n"
        active = self._marks.active if self._marks.active in self._objects else None
        if active == self._open:
            return added + line
        end, self._open = self._end(), active
        start = b"EXCLUDE_OBJECT_START NAME=%s\n" % active.encode() if active else b""
        return added + end + line + start

    def finish(self) -> bytes:
        """What follows the last line."""
        return (b"" if self._whole else b"\n") + self._end() if self._open else b""

    def _end(self) -> bytes:
        return b"EXCLUDE_OBJECT_END NAME=%s\n" % self._open.encode() if self._open else b""

    def _definitions(self) -> bytes:
        lines = [OBJECTS_SIGNATURE + b"mrk " + self._version.encode()]
        for name, outline in self._objects.items():
            polygon = outline.polygon()
            define = f"EXCLUDE_OBJECT_DEFINE NAME={name}"
            if polygon:
                x, y = centre(polygon)
                define += f" CENTER={x:.3f},{y:.3f}"
            if len(polygon) > 2:
                corners = ",".join(f"[{px:g},{py:g}]" for px, py in polygon)
                define += f" POLYGON=[{corners}]"
            lines.append(define.encode())
        return b"\n".join(lines) + b"\n"
