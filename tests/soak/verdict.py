"""What a soak may leave behind: compares the daemon before and after, and prints with history.

Pure. Each complaint is one line that names what leaked.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The daemon at one moment; `files` are those in its data and temporary folders.

    `stacks` says where each thread was, to tell a thread that leaked from one that works.
    """

    resident_bytes: int
    descriptors: Counter[str]
    threads: Counter[str]
    tasks: Counter[str]
    files: frozenset[str] = frozenset()
    allocators: Mapping[str, int] = field(default_factory=dict)
    stacks: tuple[str, ...] = ()


@dataclass(slots=True)
class Print:
    """A print that the printer itself was seen to begin; `ended` as the printer says it."""

    filename: str
    ended: str = "in_progress"


def complaints(start: Snapshot, end: Snapshot, bound_bytes: int) -> list[str]:
    """Everything of which there is more than at the start, and memory beyond its bound."""
    threads = _grown("thread", start.threads, end.threads)
    found = [
        *_grown("descriptor", start.descriptors, end.descriptors),
        *threads,
        *(f"thread: {stack}" for stack in end.stacks if threads),
        *_grown("task", start.tasks, end.tasks),
        *(f"file left behind: {name}" for name in sorted(end.files - start.files)),
    ]
    growth = end.resident_bytes - start.resident_bytes
    if growth > bound_bytes:
        found.append(
            f"memory: {start.resident_bytes / MB:.1f} MB became {end.resident_bytes / MB:.1f} MB,"
            f" {growth / MB:.1f} MB more; at most {bound_bytes / MB:.1f} MB are allowed"
            f" ({_allocated(start.allocators, end.allocators)})"
        )
    return found


def _grown(kind: str, start: Counter[str], end: Counter[str]) -> list[str]:
    return [
        f"{kind} left behind: {count} x {name} ({start[name]} at the start, {end[name]} at the end)"
        for name, count in sorted((end - start).items())
    ]


def _allocated(start: Mapping[str, int], end: Mapping[str, int]) -> str:
    parts = [f"{name} {start.get(name, 0)} -> {value}" for name, value in end.items()]
    return ", ".join(parts) or "allocators not asked"


def same_but_for_memory(start: Snapshot, end: Snapshot) -> bool:
    """Whether everything countable is back where it was."""
    return not complaints(start, end, bound_bytes=1 << 62)


def work_complaints(prints: Sequence[Print]) -> list[str]:
    """A soak whose prints did not both complete and get cancelled has shown nothing."""
    ended = Counter(each.ended for each in prints)
    found = [f"print: none ended {end}" for end in ("complete", "cancelled") if not ended[end]]
    strange = ended.keys() - {"complete", "cancelled"}
    return found + [f"print: {ended[end]} ended {end}" for end in sorted(strange)]


# What history calls the end that the printer calls so.
_ROW_STATUS = {"complete": "completed", "cancelled": "cancelled", "error": "error"}


# Of the log, before and behind a line that names the print: a restart, and other jobs.
_AROUND_LINES = 8
_PRINT = re.compile(r"history: (\S+) has")


def said_of(found: Iterable[str], log: str) -> list[str]:
    """The lines of the daemon's log around those that name a print that was complained of."""
    names = [match[1] for text in found if (match := _PRINT.match(text))]
    lines = log.splitlines()
    named = [at for at, line in enumerate(lines) if any(name in line for name in names)]
    wanted = {
        at
        for one in named
        for at in range(max(one - _AROUND_LINES, 0), min(one + _AROUND_LINES + 1, len(lines)))
    }
    return [lines[at] for at in sorted(wanted)]


def history_complaints(prints: Sequence[Print], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Prints without exactly one row that ends as the printer said, and rows without a print."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row["filename"], []).append(row)
    found = []
    for each in prints:
        theirs = by_name.pop(each.filename, [])
        wanted = _ROW_STATUS.get(each.ended, each.ended)
        statuses = [row["status"] for row in theirs]
        if len(theirs) != 1:
            found.append(f"history: {each.filename} has {len(theirs)} rows, not one: {statuses}")
        elif statuses != [wanted]:
            id_ = theirs[0]["job_id"]
            found.append(f"history: {each.filename} ended {wanted}, row {id_} says {statuses[0]}")
    found.extend(f"history: {name} has a row and was never printed" for name in sorted(by_name))
    return found
