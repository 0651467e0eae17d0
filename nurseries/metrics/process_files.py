"""This process as the kernel shows it: a few small files, read when somebody asks. No task."""

import os
import resource
from pathlib import Path

import msgspec

from mrk.metrics.daemon import ProcessFigures
from mrk.metrics.process import parse_process

_READ_BYTES = 64 * 1024


def process_figures(proc: Path = Path("/proc")) -> ProcessFigures:
    """Figures of now; None for what the kernel does not tell."""
    figures = parse_process(
        _read(proc / "self/stat"),
        _read(proc / "stat"),
        ticks_per_s=os.sysconf("SC_CLK_TCK"),
        page_bytes=resource.getpagesize(),
    )
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return msgspec.structs.replace(
        figures,
        open_fds=_open_fds(proc / "self/fd"),
        max_fds=None if limit == resource.RLIM_INFINITY else limit,
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(_READ_BYTES)
    except OSError:
        return b""


def _open_fds(folder: Path) -> int | None:
    try:
        return len(os.listdir(folder)) - 1  # without the one that lists
    except OSError:
        return None
