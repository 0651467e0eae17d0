"""Blocking calls of the file manager, in at most four threads at a time.

More would only queue at the disk, and take threads from others.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import trio

Result = TypeVar("Result")
THREADS = 4


class Threads:
    """Runs blocking functions; one per file manager."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(THREADS)

    async def run(self, function: Callable[..., Result], *args: Any, **more: Any) -> Result:
        """Call it in a thread and wait for its end.

        A cancelled caller still waits: a function that takes long asks
        `trio.from_thread.check_cancelled` between its steps.
        """
        return await trio.to_thread.run_sync(
            partial(function, *args, **more), limiter=self._limiter
        )
