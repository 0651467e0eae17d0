"""A first visit to a front end: mrk, which serves it itself, and others behind nginx."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.daemon import Daemon, Program, open_daemon, temporary_folder
from benchmarks.front_end_page import load_page, make_front_end
from benchmarks.klippy_replay import open_replay_process
from benchmarks.nginx import open_nginx
from benchmarks.paired.comparison import OURS, Bound, Comparison
from benchmarks.paired.moonraker import NAME as MOONRAKER
from benchmarks.paired.plan import PairedPlan
from benchmarks.paired.speed import Speed
from benchmarks.process import cpu_ns
from benchmarks.statistics import NS_PER_US

_MOST_RATIO = 1 / 3
_SETTLE_S = 0.1
_SECTION = "\n[frontend]\npath: {folder}\n"


def compare_front_ends(
    plan: PairedPlan, programs: Sequence[Program], speed: Speed
) -> list[Comparison]:
    """Processor time of all that a first visit keeps busy."""
    samples: dict[str, list[float]] = {program.name: [] for program in programs}
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        front_end = make_front_end(folder / "front_end")
        served = {
            program.name: _serve(stack, folder / str(number), front_end, program)
            for number, program in enumerate(programs)
        }
        for number in range(plan.rounds + 1):
            for name, (port, cpu) in served.items():
                before = cpu()
                load_page(port)
                time.sleep(_SETTLE_S)  # what follows the last byte counts too
                if number:  # the first one loads what is loaded at first use
                    samples[name].append((cpu() - before) / NS_PER_US / 1000)
            speed.note()
    return [
        Comparison(
            name="front_end",
            what="cold load of a front end: CPU",
            unit="ms",
            samples=samples,
            bounds=(Bound(MOONRAKER, _MOST_RATIO),),
            note="mrk serves it itself, others are behind nginx, whose time is theirs",
        )
    ]


def _serve(
    stack: ExitStack, folder: Path, front_end: Path, program: Program
) -> tuple[int, Callable[[], int]]:
    """The port of the page, and the processor time of who serves it."""
    folder.mkdir()
    klippy = folder / "klippy.sock"
    stack.enter_context(open_replay_process(klippy))
    section = _SECTION.format(folder=front_end) if program.name == OURS else "\n[history]\n"
    daemon: Daemon = stack.enter_context(
        open_daemon(folder / "data", klippy, section, program=program)
    )
    daemon.wait_ready()
    if program.name == OURS:
        return daemon.port, lambda: cpu_ns(daemon.pid)
    nginx = stack.enter_context(open_nginx(folder, front_end, daemon.port))
    return nginx.port, lambda: cpu_ns(daemon.pid) + nginx.cpu_ns()
