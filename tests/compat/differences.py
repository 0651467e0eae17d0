"""The one table of what mrk answers on purpose in another way than Moonraker.

It is the list under *Compatibility* in the README. How a point of it shows stands in
`differences.toml`; points that this check does not come across have nothing there.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
SEEN = Path(__file__).with_name("differences.toml")


class NoSuchPoint(Exception):
    """A difference is explained by a point that the README does not have once."""


@dataclass(frozen=True, slots=True)
class Row:
    """A difference on purpose, in words for people, and how it shows."""

    says: str
    seen: tuple[str, ...] = ()


def points(page: str) -> list[str]:
    """The list under *Compatibility*, a line each."""
    _, _, rest = page.partition("\n## Compatibility\n")
    listed = rest.partition("\n## ")[0].split("\n- ")[1:]
    return [" ".join(point.split()) for point in listed]


def read_table(page: str, seen: str) -> list[Row]:
    """What the README says, with how it shows; raises `NoSuchPoint`."""
    listed = points(page)
    return [
        Row(_beginning(listed, entry["point"]), tuple(entry["seen"]))
        for entry in tomllib.loads(seen)["difference"]
    ]


def _beginning(listed: Sequence[str], words: str) -> str:
    found = [point for point in listed if point.startswith(words)]
    if len(found) != 1:
        raise NoSuchPoint(f"{len(found)} points of the README's Compatibility begin {words!r}")
    return found[0]


def unexplained(found: Iterable[str], rows: Iterable[Row]) -> tuple[list[str], list[str]]:
    """Differences that no row explains, and `seen` that was not seen."""
    patterns = {seen: _pattern(seen) for row in rows for seen in row.seen}
    unused, alone = set(patterns), []
    for line in found:
        fitting = [seen for seen, pattern in patterns.items() if pattern.fullmatch(line)]
        unused.difference_update(fitting)
        if not fitting:
            alone.append(line)
    return alone, sorted(unused)


def _pattern(seen: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, seen.split("*"))), re.DOTALL)
