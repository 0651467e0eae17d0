"""Where a printer is in the file that it prints, from its objects. Pure.

Klipper reads a file ahead of the toolhead: what it has queued already is still to be done.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mrk.estimate.plan_clock import seconds_at
from mrk.estimate.segments import NAME_BYTES, OBJECTS_LIMIT, Mark
from mrk.klippy.requirements import read_object
from mrk.status.numbers import finite

QUESTION: Mapping[str, Any] = {
    "objects": {
        "virtual_sdcard": ["file_position"],
        "toolhead": ["print_time", "estimated_print_time"],
    }
}


class PrintPosition(msgspec.Struct, frozen=True):
    """Bytes that were read, and seconds of motion that are queued."""

    file_position: int = 0
    queued_s: float = 0.0

    def seconds_done(self, marks: Sequence[Mark], total: float, size_bytes: int) -> float:
        """How far the toolhead is on the clock of a plan."""
        read = seconds_at(marks, total, size_bytes, self.file_position)
        return max(0.0, read - self.queued_s)


def read_position(answer: Any) -> PrintPosition:
    """Of an answer to `QUESTION`; what it does not tell is 0."""
    position = read_object(answer, "virtual_sdcard").get("file_position")
    toolhead = read_object(answer, "toolhead")
    queued_until = finite(toolhead.get("print_time"))
    now = finite(toolhead.get("estimated_print_time"))
    queued = 0.0
    if queued_until is not None and now is not None:
        queued = max(0.0, queued_until - now)
    return PrintPosition(position if type(position) is int and position > 0 else 0, queued)


def planned_names(planned: Iterable[str], excluded: Iterable[str]) -> tuple[str, ...]:
    """Excluded objects by the names that a plan has for them; others take no time in it.

    Klipper has capitals of all letters, a plan those of a to z, and long names cut.
    """
    capitals = {_cut(name) for name in excluded}
    return tuple(sorted(name for name in planned if _cut(name.upper()) in capitals))


def _cut(name: str) -> str:
    return name.encode(errors="replace")[:NAME_BYTES].decode(errors="replace")


def excluded_names(fields: Mapping[str, Any]) -> tuple[str, ...] | None:
    """`exclude_object.excluded_objects`, sorted; None where the fields do not tell."""
    names = fields.get("excluded_objects")
    if not isinstance(names, list):
        return None
    return tuple(sorted(name for name in names if isinstance(name, str)))[:OBJECTS_LIMIT]
