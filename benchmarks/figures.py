"""What a benchmark found: figures, their budgets, and the two ways to show them.

Pure; `python -m benchmarks` prints `table`, and `--json` writes `document`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.statistics import median

_HEADINGS = ("what", "figure", "best", "unit", "budget", "within")
_NUMBERS = (1, 2, 4)  # columns of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    `value` is the median of `samples` where there are several. With `more_is_better` the figure
    shall reach its budget. `note` says how it was measured, in a few words.
    """

    name: str
    what: str
    value: float
    unit: str
    budget: float | None = None
    more_is_better: bool = False
    samples: tuple[float, ...] = ()
    note: str = ""

    @classmethod
    def of(
        cls,
        samples: Sequence[float],
        *,
        name: str,
        what: str,
        unit: str,
        budget: float | None = None,
        more_is_better: bool = False,
        note: str = "",
    ) -> "Figure":
        """The median of `samples`."""
        return cls(
            name=name,
            what=what,
            value=median(samples),
            unit=unit,
            budget=budget,
            more_is_better=more_is_better,
            samples=tuple(samples),
            note=note,
        )

    @property
    def within(self) -> bool | None:
        """True inside the budget, its edge included; None without one."""
        if self.budget is None:
            return None
        return self.value >= self.budget if self.more_is_better else self.value <= self.budget

    @property
    def best(self) -> float | None:
        """The best of several samples: what other processes disturbed least."""
        if len(self.samples) < 2:
            return None
        return max(self.samples) if self.more_is_better else min(self.samples)


@dataclass(frozen=True, slots=True)
class Failure:
    """A measurement that could not be made, and why."""

    name: str
    reason: str


def number(value: float) -> str:
    """Three significant digits, never fewer than the integer part, without exponents."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def _row(figure: Figure) -> tuple[str, ...]:
    budget = "" if figure.budget is None else number(figure.budget)
    if budget and figure.more_is_better:
        budget = f">= {budget}"
    within = {None: "", True: "yes", False: "NO"}[figure.within]
    best = "" if figure.best is None else number(figure.best)
    return (figure.what, number(figure.value), best, figure.unit, budget, within)


def table(figures: Iterable[Figure], failures: Iterable[Failure] = ()) -> str:
    """Lines of text for a terminal: budget and figure side by side."""
    rows = [_HEADINGS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = [_line(row, widths) for row in rows]
    lines.extend(f"{failure.name}: not measured: {failure.reason}" for failure in failures)
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if index in _NUMBERS else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def document(
    figures: Iterable[Figure], failures: Iterable[Failure], machine: dict[str, Any]
) -> dict[str, Any]:
    """The same for machines: `machine`, `figures` (with samples and notes) and `failures`."""
    return {
        "machine": machine,
        "figures": [_facts(figure) for figure in figures],
        "failures": [asdict(failure) for failure in failures],
    }


def _facts(figure: Figure) -> dict[str, Any]:
    return {**asdict(figure), "best": figure.best, "within": figure.within}
