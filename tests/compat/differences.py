"""The one table of what mrk answers on purpose in another way than Moonraker.

`differences.toml` has it: `says` is a point of the README's *Compatibility*, `seen` are the
differences that it explains, `*` standing for anything. `with_list` makes the README's list of it.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
TABLE = Path(__file__).with_name("differences.toml")


@dataclass(frozen=True, slots=True)
class Row:
    """A difference on purpose, in words for people, and how it shows."""

    says: str
    seen: tuple[str, ...] = ()


def read_table(text: str) -> list[Row]:
    """All rows, in the order of the README."""
    rows = tomllib.loads(text)["difference"]
    return [Row(row["says"].strip(), tuple(row.get("seen", ()))) for row in rows]


def with_list(page: str, rows: Iterable[Row]) -> str:
    """The README with these rows as its list under *Compatibility*."""
    head, heading, rest = page.partition("\n## Compatibility\n")
    before, _, behind = rest.partition("\n- ")
    _, next_heading, tail = behind.partition("\n## ")
    points = (row.says.replace("\n", "\n  ") for row in rows)
    listed = "".join(f"\n- {point}" for point in points)
    return f"{head}{heading}{before}{listed}\n{next_heading}{tail}"


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
