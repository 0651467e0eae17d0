"""Blocking calls of the file manager: at most four threads at a time for each file system.

More would only queue at the disk, and take threads from others. A network share that stalls holds
those of the roots that lie on it, and no others.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

from mrk.files.roots import Roots
from nurseries.files import disk

Result = TypeVar("Result")
THREADS = 4


class Threads:
    """Runs blocking functions, `count` at a time."""

    def __init__(self, count: int = THREADS) -> None:
        self._limiter = trio.CapacityLimiter(count)

    async def run(self, function: Callable[..., Result], *args: Any, **more: Any) -> Result:
        """Call it in a thread and wait for its end.

        A cancelled caller still waits: a function that takes long asks
        `trio.from_thread.check_cancelled` between its steps.
        """
        return await trio.to_thread.run_sync(
            partial(function, *args, **more), limiter=self._limiter
        )


class FileSystems:
    """The file system that each root lies on, by its mount point; looked up once, not on the disk.

    A share that is mounted later, and a folder on another file system that is linked in a root,
    belong to the root's.
    """

    def __init__(self, roots: Roots, mount_of: Callable[[str], str] = disk.mount_of) -> None:
        self._roots = roots
        self._mount_of = mount_of
        self._known: dict[str, str] = {}

    def of(self, root: str) -> str:
        """Raises as `Roots.get`."""
        real = self._roots.get(root).real
        if real not in self._known:
            self._known[real] = self._mount_of(real)
        return self._known[real]


class RootThreads:
    """Threads for what is done in one root, or in several at once."""

    def __init__(self, systems: FileSystems) -> None:
        self._systems = systems
        self._threads: dict[frozenset[str], Threads] = {}

    def of(self, *roots: str) -> Threads:
        """Those of the file systems on which some roots lie."""
        return self._threads.setdefault(frozenset(map(self._systems.of, roots)), Threads())
