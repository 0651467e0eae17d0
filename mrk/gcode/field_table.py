"""How a slicer family says where its fields stand: a table of places, and what a table cannot say.

    Place("layer_height", decimal, "layer_height")

reads the value of the comment `; layer_height = 0.2` as a number into the field of that name.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mrk.gcode.text import TOP, GcodeText, Layout

Value = str | int | float | list[str] | list[int] | list[float]
Found = dict[str, Value]


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field, how its value is read, and the comment keys tried for it in this order.

    `summary`: it tells what the slicer found out, not what it was set to.
    """

    field: str
    read: Callable[[bytes], Value | None]
    keys: tuple[bytes, ...]
    summary: bool

    def __init__(
        self, field: str, read: Callable[[bytes], Value | None], *keys: str, summary: bool = False
    ) -> None:
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "read", read)
        object.__setattr__(self, "summary", summary)
        object.__setattr__(self, "keys", tuple(key.encode() for key in keys))


def _nothing(text: GcodeText, found: Found) -> None:
    """For a family whose table says everything."""


@dataclass(frozen=True, slots=True)
class SlicerFields:
    """A slicer family: its table, and `finish`, which adds what stands in no plain comment.

    `command_heating`: first-layer temperatures may be read from the commands that heat.
    `images`: thumbnails in comments are the slicer's own. `packaged`: it also writes packages or
    projects, which hold the picture beside the g-code.
    """

    places: tuple[FieldPlace, ...]
    finish: Callable[[GcodeText, Found], None] = _nothing
    layout: Layout = TOP
    command_heating: bool = True
    images: bool = True
    packaged: bool = False


def read_family(family: SlicerFields, text: GcodeText) -> Found:
    """Every field of the family that the text tells."""
    found: Found = {}
    text.layout = family.layout
    for place in family.places:
        for raw in text.values(*place.keys, summary=place.summary):
            if (value := place.read(raw)) is not None:
                found.setdefault(place.field, value)
                break
    family.finish(text, found)
    return found


def number(found: Found, field: str) -> float | None:
    """A field's value if it is a number."""
    value = found.get(field)
    return value if isinstance(value, int | float) else None


def offer(found: Found, field: str, value: Value | None) -> None:
    """Fill a field that is still empty."""
    if value is not None:
        found.setdefault(field, value)
