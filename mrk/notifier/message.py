"""An event on its way to a notifier, as its templates see it. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.jobs.print_stats import PrintStats

Stats = dict[str, Any]
_NO_LAYERS: Mapping[str, None] = {"total_layer": None, "current_layer": None}


class NotifierEvent(msgspec.Struct, frozen=True):
    """`args` are the printer's `print_stats` before and after it; none for what macros tell.

    `filename` is the printed file, in the gcodes root, empty without a print.
    """

    name: str
    args: tuple[Stats, ...] = ()
    message: str = ""
    filename: str = ""

    def context(self) -> dict[str, Any]:
        """The names that templates know."""
        return {
            "event_name": self.name,
            "event_args": list(self.args),
            "event_message": self.message,
        }


def stats_of(stats: PrintStats, info: object) -> Stats:
    """As Klipper tells `print_stats`; `info` is its member of that name, of any kind."""
    layers = info if isinstance(info, Mapping) else {}
    found = {name: layers.get(name) for name in _NO_LAYERS}
    return {**msgspec.structs.asdict(stats), "info": found}


def with_notes(body: str, notes: list[str], body_format: str) -> str:
    """The text with what is said of missing pictures, a line each."""
    lines = [f"({note})" for note in notes]
    return ("<br>" if body_format == "html" else "\n\n").join([body, *lines])
