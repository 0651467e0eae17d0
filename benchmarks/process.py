"""What a running process costs: processor time and memory, read from /proc.

Processor time is the process's own CPU clock, which counts threads that ended too: a sum over the
threads of /proc loses theirs when they end. Memory is resident memory from `smaps_rollup`.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.statistics import Spent

_CPUCLOCK_SCHED = 2
MB = 1_000_000  # as in the budgets; /proc counts in KiB


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: `rss` is all that is resident, `pss` counts shared pages in parts."""

    rss: int
    pss: int


def cpu_ns(pid: int) -> int:
    """Nanoseconds on a core that all threads of `pid` have spent; raises ProcessLookupError."""
    try:
        return time.clock_gettime_ns(_clock(pid))
    except OSError as exc:
        raise ProcessLookupError(f"there is no process {pid}") from exc


def _clock(pid: int) -> int:
    """The id of another process's CPU clock: clock_getcpuclockid(3), which Python has not."""
    return (~pid << 3) | _CPUCLOCK_SCHED


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
