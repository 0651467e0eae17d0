"""What /proc says of one process, for its metrics (proc(5)). Pure."""

from mrk.metrics.daemon import ProcessFigures


def parse_process(
    stat: bytes, host_stat: bytes, *, ticks_per_s: int, page_bytes: int
) -> ProcessFigures:
    """From /proc/self/stat and /proc/stat; what cannot be read is None."""
    # The name, in parentheses, may hold anything.
    fields = stat.rpartition(b")")[2].split()
    try:
        numbers = [int(field) for field in fields[1:22]]
    except ValueError:
        return ProcessFigures()
    if len(numbers) < 21:
        return ProcessFigures()
    # Numbers begin with the 4th field of proc(5).
    user, system, threads, started, virtual, resident = (
        numbers[field - 4] for field in (14, 15, 20, 22, 23, 24)
    )
    booted = _boot_time(host_stat)
    return ProcessFigures(
        cpu_s=(user + system) / ticks_per_s,
        resident_bytes=resident * page_bytes,
        virtual_bytes=virtual,
        started_at=None if booted is None else booted + started / ticks_per_s,
        threads=threads,
    )


def _boot_time(host_stat: bytes) -> int | None:
    for line in host_stat.splitlines():
        if line.startswith(b"btime "):
            text = line[6:].strip()
            return int(text) if text.isdigit() else None
    return None
