"""When the allocator is asked, and that glibc's can be. Threads, so the clock is real."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from nurseries.process.memory_release import KEPT_KB, Glibc, MemoryRelease, resident_kb

ROOT = Path(__file__).parents[3]
BEAT_S = 0.001


class FakeAllocator:
    def __init__(self, free_kb: int) -> None:
        self.kept_kb = free_kb
        self.asked = 0
        self.trimmed = 0

    def free_kb(self) -> int:
        self.asked += 1
        return self.kept_kb

    def trim(self) -> None:
        self.trimmed += 1


class Readings:
    """Resident memory, one reading after the other, the last for ever."""

    def __init__(self, *readings_kb: int) -> None:
        self._readings_kb = list(readings_kb)
        self.read = 0

    def __call__(self) -> int:
        self.read += 1
        return self._readings_kb[min(self.read, len(self._readings_kb)) - 1]


async def after(release: MemoryRelease, condition: Callable[[], bool]) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(release.serve)
            while not condition():  # noqa: ASYNC110 - it reads numbers that tell nobody
                await trio.sleep(BEAT_S)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("grown_kb", "free_kb", "asked", "trimmed"),
    [
        (KEPT_KB, KEPT_KB * 9, False, False),
        (KEPT_KB + 1, KEPT_KB, True, False),
        (KEPT_KB + 1, KEPT_KB + 1, True, True),
    ],
)
async def test_only_what_is_worth_it(
    grown_kb: int, free_kb: int, asked: bool, trimmed: bool
) -> None:
    allocator = FakeAllocator(free_kb)
    # The least that was held counts, not the first.
    resident = Readings(5000, 1000, 1000 + grown_kb)
    release = MemoryRelease(lambda: allocator, resident, interval_s=BEAT_S)
    await after(release, lambda: resident.read > 6)
    assert (allocator.asked > 0, allocator.trimmed > 0) == (asked, trimmed)


async def test_another_c_library_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> FakeAllocator:
        raise AttributeError("no symbol malloc_trim")

    caplog.set_level(logging.INFO)
    release = MemoryRelease(load, Readings(0, KEPT_KB * 2), interval_s=BEAT_S)
    await after(release, lambda: "no symbol malloc_trim" in caplog.text)
    assert len(caplog.records) == 1


def test_glibc_gives_memory_back() -> None:
    allocator = Glibc()
    blocks = [bytes(2000) for _ in range(20_000)]
    last = bytes(2000)  # above them on the heap, so that they do not go by themselves
    grown_kb = resident_kb()
    del blocks
    assert allocator.free_kb() > 20_000
    allocator.trim()
    assert resident_kb() < grown_kb - 20_000
    assert len(last) == 2000


_ARENAS = """
import ctypes, sys, threading
from nurseries.process.memory_release import use_one_arena
if sys.argv[1:]:
    use_one_arena()
barrier = threading.Barrier(4)
def allocate():
    kept = bytearray(4096)
    barrier.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library = ctypes.CDLL(None)
library.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(library.fdopen(1, b"w"))
library.malloc_info(0, stream)
library.fflush(stream)
"""


@pytest.mark.parametrize(("argument", "one"), [("one", True), ("", False)])
def test_threads_share_one_arena(argument: str, one: bool) -> None:
    command = [sys.executable, "-c", _ARENAS, *argument.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout.count("<heap nr=") == 1) is one, done.stdout
