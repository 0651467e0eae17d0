"""Processor time of a process and of those that it started, such as the scan worker.

A child that ended keeps the share that was seen last; `FamilyMeter.look` is asked often enough.
"""

from pathlib import Path

from benchmarks.process import cpu_ns
from benchmarks.statistics import NS_PER_S


def children(pid: int) -> list[int]:
    """Processes that `pid` has started and that still run."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


class FamilyMeter:
    """Seconds on a core since the meter was made, of `pid` and of its children."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._began_ns = cpu_ns(pid)
        self._before_ns = {child: cpu_ns(child) for child in children(pid)}
        self._seen_ns: dict[int, int] = {}

    def look(self) -> None:
        """Note what the children have used so far."""
        for child in children(self._pid):
            try:
                used_ns = cpu_ns(child)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if used_ns:
                self._seen_ns[child] = used_ns

    def own_s(self) -> float:
        """Of the process itself."""
        return (cpu_ns(self._pid) - self._began_ns) / NS_PER_S

    def children_s(self) -> float:
        """Of its children, by the last look."""
        used_ns = (n - self._before_ns.get(pid, 0) for pid, n in self._seen_ns.items())
        return sum(used_ns) / NS_PER_S
