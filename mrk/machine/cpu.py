"""Processor use between two readings of /proc/stat, per core and as a whole.

Pure; the proc stats sampler keeps the reading before. Format: proc(5), "/proc/stat".
"""

import msgspec

# user nice system idle iowait irq softirq steal; guest time behind them is part of user already.
_COUNTED_FIELDS = 8
_LEAST_FIELDS = 4


class CpuTimes(msgspec.Struct, frozen=True):
    """Clock ticks since boot: all of them, and those in which the core did nothing."""

    total: int
    idle: int


def parse_stat(data: bytes) -> dict[str, CpuTimes]:
    """Return times by `cpu`, `cpu0`, ... from /proc/stat; lines that make no sense are left out."""
    found = {}
    for line in data.split(b"\n"):
        if not line.startswith(b"cpu"):
            # The cores come first; behind them are interrupt lines of many kilobytes.
            break
        name, *fields = line.split()
        times = _times(fields[:_COUNTED_FIELDS])
        if times is not None and (name == b"cpu" or name[3:].isdigit()):
            found[name.decode("ascii")] = times
    return found


def _times(fields: list[bytes]) -> CpuTimes | None:
    if len(fields) < _LEAST_FIELDS or not all(f.isdigit() and len(f) <= 20 for f in fields):
        return None
    ticks = [int(f) for f in fields]
    return CpuTimes(total=sum(ticks), idle=sum(ticks[3:5]))


def cpu_usage(before: dict[str, CpuTimes], after: dict[str, CpuTimes]) -> dict[str, float]:
    """Return the percentage in use by core, 0 to 100, of cores that both readings have."""
    return {name: _percent(before[name], now) for name, now in after.items() if name in before}


def _percent(before: CpuTimes, after: CpuTimes) -> float:
    total = after.total - before.total
    if total <= 0:
        return 0.0
    # iowait may run backwards (proc(5)), so busy time can seem negative for one reading.
    busy = total - (after.idle - before.idle)
    return round(min(max(100.0 * busy / total, 0.0), 100.0), 2)
