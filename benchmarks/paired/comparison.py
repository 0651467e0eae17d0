"""What a paired run found: one value per contender, ratios to mrk, and the two ways to show them.

Pure. A ratio is mrk's median divided by the other's: below 1 mrk costs less. Where more is better
(answers a second) it is above 1 when mrk does more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Failure, number
from benchmarks.statistics import median

OURS = "mrk"


@dataclass(frozen=True, slots=True)
class Bound:
    """What the ratio to `other` shall be: at most `ratio`, or at least where more is better."""

    other: str
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One subject: `samples` has one value a round for each contender, mrk among them."""

    name: str
    what: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    bounds: tuple[Bound, ...] = ()
    more_is_better: bool = False
    note: str = ""

    @property
    def others(self) -> list[str]:
        """Everybody but mrk, in the order of measuring."""
        return [name for name in self.samples if name != OURS]

    def value(self, contender: str) -> float:
        """The median of its rounds."""
        return median(self.samples[contender])

    def ratio(self, other: str) -> float | None:
        """mrk's median per the other's; None where the other's is nothing."""
        theirs = self.value(other)
        return self.value(OURS) / theirs if theirs else None

    def spread(self, other: str) -> tuple[float, float] | None:
        """The smallest and the largest ratio of one round: how far the machine disturbed it."""
        pairs = zip(self.samples[OURS], self.samples[other], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs if theirs]
        return (min(ratios), max(ratios)) if ratios else None

    def bound(self, other: str) -> float | None:
        """What the ratio to `other` shall be."""
        return next((bound.ratio for bound in self.bounds if bound.other == other), None)

    def within(self, other: str) -> bool | None:
        """True inside the bound, its edge included; None without one."""
        ratio, bound = self.ratio(other), self.bound(other)
        if ratio is None or bound is None:
            return None
        return ratio >= bound if self.more_is_better else ratio <= bound


_HEADINGS = ("what", "mrk", "other", "unit", "ratio", "rounds", "bound", "within")


def _rows(comparison: Comparison, other: str) -> tuple[str, ...]:
    ratio, spread, bound = (
        comparison.ratio(other),
        comparison.spread(other),
        comparison.bound(other),
    )
    limit = "" if bound is None else f"{'>=' if comparison.more_is_better else '<='} {bound:.2f}"
    return (
        comparison.what,
        number(comparison.value(OURS)),
        number(comparison.value(other)),
        comparison.unit,
        "" if ratio is None else f"{ratio:.2f}",
        "" if spread is None else f"{spread[0]:.2f} to {spread[1]:.2f}",
        limit,
        {None: "", True: "yes", False: "NO"}[comparison.within(other)],
    )


def table(comparisons: Sequence[Comparison], failures: Iterable[Failure] = ()) -> str:
    """Markdown, aligned for a terminal: one table for each contender that mrk was compared with."""
    others = dict.fromkeys(other for each in comparisons for other in each.others)
    parts = [_one_table(comparisons, other) for other in others]
    parts.extend(f"{failure.name}: not measured: {failure.reason}" for failure in failures)
    return "\n\n".join(parts)


def _one_table(comparisons: Sequence[Comparison], other: str) -> str:
    headings = tuple(other if heading == "other" else heading for heading in _HEADINGS)
    rows = [headings, *(_rows(each, other) for each in comparisons if other in each.samples)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return f"| {' | '.join(cells)} |"


def document(
    comparisons: Iterable[Comparison], failures: Iterable[Failure], machine: dict[str, Any]
) -> dict[str, Any]:
    """The same for machines, with every round's values."""
    return {
        "machine": machine,
        "comparisons": [_facts(each) for each in comparisons],
        "failures": [asdict(failure) for failure in failures],
    }


def _facts(comparison: Comparison) -> dict[str, Any]:
    return {
        **asdict(comparison),
        "values": {name: comparison.value(name) for name in comparison.samples},
        "ratios": {other: comparison.ratio(other) for other in comparison.others},
        "within": {other: comparison.within(other) for other in comparison.others},
    }
