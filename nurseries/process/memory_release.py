"""Gives memory back to the system that a flood has left with the C library.

glibc keeps what was freed, up to hundreds of megabytes, which Klipper on the same board may want.
Every few seconds one number of /proc is read; only where the process has grown is the allocator
asked what it keeps, and told to return it, both in a thread. The process runs it beside its
generations, as an optional part; ends when cancelled. Another C library's allocator is left alone.
"""

import contextlib
import ctypes
import logging
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import trio

from mrk.machine.memory import parse_statm

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
# Growth that is worth a look, and what the allocator may keep for itself.
KEPT_KB = 8 * 1024
_M_ARENA_MAX = -8  # of mallopt(3)


class Allocator(Protocol):
    """The C library's; both calls block for milliseconds."""

    def free_kb(self) -> int:
        """What it keeps although nobody uses it."""
        ...

    def trim(self) -> None:
        """Return that to the system, as far as whole pages are free."""
        ...


class _MallInfo(ctypes.Structure):
    """`struct mallinfo` of mallinfo(3), for before glibc 2.33: it overflows at 2 GB."""

    _fields_ = (("before", ctypes.c_uint * 8), ("fordblks", ctypes.c_uint), ("k", ctypes.c_uint))


class _MallInfo2(ctypes.Structure):
    """`struct mallinfo2` of mallinfo(3)."""

    _fields_ = (
        ("before", ctypes.c_size_t * 8),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    )


class Glibc:
    """glibc's allocator, all its arenas; raises `AttributeError` where there is another."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        if hasattr(library, "mallinfo2"):
            self._info = library.mallinfo2
            self._info.restype = _MallInfo2
        else:
            self._info = library.mallinfo
            self._info.restype = _MallInfo
        self._trim = library.malloc_trim
        self._trim.argtypes = [ctypes.c_size_t]

    def free_kb(self) -> int:
        """See mallinfo(3)."""
        return int(self._info().fordblks) // 1024

    def trim(self) -> None:
        """See malloc_trim(3)."""
        self._trim(0)


def use_one_arena() -> None:
    """Have the threads that come share one arena of glibc.

    One for each holds 0.1 MB and more that no other uses; and Python's lock lets only one thread
    allocate at a time, nearly always. MALLOC_ARENA_MAX in the unit would do so for children too:
    ours have one thread, and ffmpeg or pip may want more arenas.
    """
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def resident_kb() -> int:
    """Resident memory of this process, 0 where /proc does not tell."""
    try:
        data = Path("/proc/self/statm").read_bytes()
    except OSError:
        return 0
    return parse_statm(data, resource.getpagesize()) or 0


class MemoryRelease:
    """`load` gives the allocator when it is first needed, `resident` the memory held, in kB."""

    def __init__(
        self,
        load: Callable[[], Allocator] = Glibc,
        resident: Callable[[], int] = resident_kb,
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._interval_s = interval_s
        self._load = load
        self._resident_kb = resident
        self._allocator: Allocator | None = None

    async def serve(self) -> None:
        """Look every few seconds."""
        least_kb = self._resident_kb()
        while True:
            await trio.sleep(self._interval_s)
            now_kb = self._resident_kb()
            least_kb = min(least_kb, now_kb)
            if now_kb <= least_kb + KEPT_KB:
                continue
            try:
                await trio.to_thread.run_sync(self._release)
            except AttributeError as exc:
                logger.info("freed memory stays with the process: %s", exc)
                await trio.sleep_forever()

    def _release(self) -> None:
        if self._allocator is None:
            self._allocator = self._load()
        free_kb = self._allocator.free_kb()
        if free_kb > KEPT_KB:
            self._allocator.trim()
            logger.debug("the C library kept %d kB, and was told to return them", free_kb)
