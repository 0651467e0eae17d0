"""Where objects begin and end in a g-code file, in the marks of each slicer.

PrusaSlicer's family writes `; printing object NAME`, Cura `;MESH:NAME`, ideaMaker `;PRINTING:`
with an id, firmware-minded slicers `M486 S<n>`. `Marks` turns lines into the name of the object
that is printed from there on.
"""

import enum
import re

from mrk.gcode.values import readable

NAME_LIMIT = 80
OBJECTS_LIMIT = 1000
_UNCLEAN = re.compile(r"[^A-Za-z0-9_.-]+")
_ALREADY = re.compile(rb"\n(?:EXCLUDE_OBJECT_DEFINE|DEFINE_OBJECT) NAME=")
_M486 = re.compile(rb"([SA])(-?\d{1,6}|[^;\r\n]{1,80})")


class Style(enum.Enum):
    """The kinds of marks, in the order they are looked for."""

    PRINTING_OBJECT = re.compile(rb"\n; printing object ")
    MESH = re.compile(rb"\n;MESH:")
    PRINTING = re.compile(rb"\n;PRINTING:")
    M486 = re.compile(rb"\nM486[ \t]")


def mark_style(header: bytes) -> Style | None:
    """The marks of a file that names its objects and has no definitions yet."""
    if _ALREADY.search(header):
        return None
    return next((style for style in Style if style.value.search(header)), None)


class Marks:
    """State of one pass over the lines of a file."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.active: str | None = None
        self._names: dict[bytes, str] = {}  # as the slicer wrote it -> as Klipper gets it
        self._taken: set[str] = set()
        self._printing = b""

    def feed(self, line: bytes) -> bool:
        """Take a whole line without its indent; whether it was a mark."""
        match self.style:
            case Style.PRINTING_OBJECT:
                return self._printing_object(line)
            case Style.MESH:
                return self._mesh(line)
            case Style.PRINTING:
                return self._printing_line(line)
            case Style.M486:
                return self._m486(line)

    def _printing_object(self, line: bytes) -> bool:
        if line.startswith(b"; printing object "):
            self._enter(line[18:])
        elif line.startswith(b"; stop printing object"):
            self.active = None
        else:
            return False
        return True

    def _mesh(self, line: bytes) -> bool:
        if line.startswith(b";MESH:") and not line.startswith(b";MESH:NONMESH"):
            self._enter(line[6:])
        elif line.startswith((b";MESH:", b";TIME_ELAPSED:")):
            self.active = None
        else:
            return False
        return True

    def _printing_line(self, line: bytes) -> bool:
        if line.startswith(b";PRINTING:"):
            self._printing = line[10:].strip()
            self.active = None
        elif line.startswith((b";PRINTING_ID:", b";REMAINING_TIME:")):
            number = line.partition(b":")[2].strip()
            if line.startswith(b";REMAINING_TIME:") or number == b"-1":
                self.active = None
            else:
                self._enter(self._printing + b" id " + number)
        else:
            return False
        return True

    def _m486(self, line: bytes) -> bool:
        if not line.startswith(b"M486"):
            return False
        for letter, value in _M486.findall(line[4:]):
            if letter == b"A":
                break  # a name for the object already entered
            if value == b"-1":
                self.active = None
            else:
                self._enter(b"object " + value)
        return True

    def _enter(self, raw: bytes) -> None:
        raw = raw.strip()[:400]
        name = self._names.get(raw)
        if name is None and len(self._names) < OBJECTS_LIMIT:
            name = self._names[raw] = self._clean(raw)
        self.active = name

    def _clean(self, raw: bytes) -> str:
        base = _UNCLEAN.sub("_", readable(raw)).strip("_")[:NAME_LIMIT] or "object"
        name, count = base, 1
        while name.upper() in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name.upper())  # Klipper compares names in upper case
        return name
