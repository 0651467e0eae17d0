"""What a front end costs the daemon: a first visit, a file of 1 MB, and memory while nobody looks.

The page is made of files like those of Mainsail (`front_end_page.py`). Where nginx is installed,
what it costs for the same files stands beside.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.daemon import open_daemon, open_printer, temporary_folder
from benchmarks.figures import Figure
from benchmarks.front_end_page import (
    MEGABYTE,
    REQUESTS,
    connected,
    fetch,
    load_page,
    make_front_end,
)
from benchmarks.nginx import Nginx, open_nginx, program
from benchmarks.plan import Plan
from benchmarks.process import MB, cpu_ns, memory
from benchmarks.statistics import NS_PER_US

_FILES = 40
_SETTLE_S = 0.1
_IDLE_S = 2.0
_SECTION = "\n[frontend]\npath: {folder}\n"


def measure_front_ends(plan: Plan) -> list[Figure]:
    """Processor time of a page and of a file, growth of memory by a configured front end."""
    with temporary_folder() as folder, open_printer(folder) as klippy:
        front_end = make_front_end(folder / "front_end")
        section = _SECTION.format(folder=front_end)
        growths = [
            (_idle(folder, klippy, section) - _idle(folder, klippy, "")) / MB
            for _ in range(plan.starts)
        ]
        with open_daemon(folder / "served", klippy, section) as daemon:
            daemon.wait_ready()

            def cpu() -> int:
                return cpu_ns(daemon.pid)

            load_page(daemon.port)  # what is loaded at first use
            pages = _rounds(plan, cpu, lambda: _page(daemon.port))
            files = _rounds(plan, cpu, lambda: _megabytes(daemon.port), _FILES)
            with _beside(folder, front_end, daemon.port) as nginx:
                theirs = [] if nginx is None else _nginx_files(plan, nginx)
    note = f"{REQUESTS} requests, 4.5 MB; the websocket's calls included"
    figures = [
        _figure("front_end_page", "cold load of a front end: CPU", "ms", 25.0, pages, note),
        _figure("front_end_file", "front end, file of 1 MB: CPU", "ms", 0.4, files),
        _figure("front_end_memory", "front end configured: memory growth", "MB", 0.3, growths),
    ]
    if theirs:
        figures.append(_figure("nginx_file", "nginx, file of 1 MB: CPU", "ms", None, theirs))
    return figures


def _idle(folder: Path, klippy: Path, sections: str) -> int:
    """Resident memory of a daemon that nobody asked."""
    with open_daemon(folder / f"idle{len(sections)}", klippy, sections) as daemon:
        daemon.wait_ready()
        time.sleep(_IDLE_S)
        return memory(daemon.pid).rss


@contextlib.contextmanager
def _beside(folder: Path, front_end: Path, port: int) -> Iterator[Nginx | None]:
    if program() is None:
        yield None
        return
    with open_nginx(folder, front_end, port) as nginx:
        yield nginx


def _nginx_files(plan: Plan, nginx: Nginx) -> list[float]:
    _megabytes(nginx.port)
    return _rounds(plan, nginx.cpu_ns, lambda: _megabytes(nginx.port), _FILES)


def _rounds(
    plan: Plan, cpu: Callable[[], int], work: Callable[[], None], pieces: int = 1
) -> list[float]:
    """Milliseconds of processor time a piece, one value a round."""
    found = []
    for _ in range(plan.rounds):
        before = cpu()
        work()
        time.sleep(_SETTLE_S)  # what follows the last byte counts too
        found.append((cpu() - before) / NS_PER_US / 1000 / pieces)
    return found


def _page(port: int) -> None:
    load_page(port)


def _megabytes(port: int) -> None:
    with connected(port) as connection:
        fetch(connection, [MEGABYTE] * _FILES)


def _figure(
    name: str,
    what: str,
    unit: str,
    budget: float | None,
    samples: list[float],
    note: str = "one client on loopback, without TLS",
) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=what,
        unit=unit,
        budget=budget,
        note=note,
    )
