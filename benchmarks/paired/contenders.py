"""Who is compared: each a process of its own, on a scripted Klippy and in a folder of its own.

All of them run for the whole block; only one at a time is given work.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.daemon import Daemon, Program, open_daemon, temporary_folder
from benchmarks.floor.programs import open_floor
from benchmarks.klippy_replay import KlippyReplay, open_replay, open_replay_process


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that runs; `klippy` is in this process where pushes are wanted."""

    name: str
    daemon: Daemon
    klippy: KlippyReplay | None = None


@contextlib.contextmanager
def open_contenders(programs: Sequence[Program]) -> Iterator[list[Contender]]:
    """Start all, each with a Klippy in a process of its own, and wait until they are ready."""
    with contextlib.ExitStack() as stack:
        contenders = []
        for program in programs:
            folder = stack.enter_context(temporary_folder())
            path = folder / "klippy.sock"
            stack.enter_context(open_replay_process(path))
            daemon = stack.enter_context(open_daemon(folder, path, program=program))
            daemon.wait_ready()
            contenders.append(Contender(program.name, daemon))
        yield contenders


@contextlib.contextmanager
def open_pushed(program: Program) -> Iterator[Contender]:
    """Start one, with a Klippy that pushes when it is told to."""
    with temporary_folder() as folder:
        path = folder / "klippy.sock"
        with open_replay(path) as klippy, open_daemon(folder, path, program=program) as daemon:
            daemon.wait_ready()
            yield Contender(program.name, daemon, klippy)


@contextlib.contextmanager
def open_pushed_floor(name: str, module: str) -> Iterator[Contender]:
    """Start a floor program in the same way."""
    with temporary_folder() as folder:
        path = folder / "klippy.sock"
        with open_replay(path) as klippy, open_floor(module, folder, path) as daemon:
            yield Contender(name, daemon, klippy)


@contextlib.contextmanager
def open_floor_contender(name: str, module: str) -> Iterator[Contender]:
    """Start one with a Klippy in a process of its own."""
    with temporary_folder() as folder:
        path = folder / "klippy.sock"
        with open_replay_process(path), open_floor(module, folder, path) as daemon:
            yield Contender(name, daemon)
