"""What a running process costs: processor time and memory, read from /proc.

Processor time is the sum over its threads of `schedstat` (nanoseconds on a core; a thread that
ended in between takes its share along). Memory is resident memory from `smaps_rollup`.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.statistics import Spent

MB = 1_000_000  # as in the budgets; /proc counts in KiB


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: `rss` is all that is resident, `pss` counts shared pages in parts."""

    rss: int
    pss: int


def cpu_ns(pid: int) -> int:
    """Nanoseconds that the threads of `pid` have spent on a core."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((thread / "schedstat").read_bytes().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def memory(pid: int) -> Memory:
    """Resident memory of `pid` now."""
    sizes = {"Rss": 0, "Pss": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0]) * 1024
    return Memory(rss=sizes["Rss"], pss=sizes["Pss"])


class Meter:
    """Processor time of one process since the meter was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_ns = cpu_ns(pid)
        self._wall_ns = time.monotonic_ns()

    def read(self) -> Spent:
        """What was spent so far."""
        return Spent(cpu_ns(self._pid) - self._cpu_ns, time.monotonic_ns() - self._wall_ns)


def idle_share(pid: int, for_s: float) -> float:
    """Share of a core that `pid` uses while this process does nothing for `for_s` seconds."""
    meter = Meter(pid)
    time.sleep(for_s)
    return meter.read().share()


def reference_ms() -> float:
    """Processor time of a fixed piece of work in this process: how fast the machine is now.

    On a shared machine it can double within minutes, and every figure with it.
    """
    began_ns = time.thread_time_ns()
    words: dict[str, int] = {}
    for count in range(100_000):
        words[str(count % 1000)] = count
    return (time.thread_time_ns() - began_ns) / 1_000_000
