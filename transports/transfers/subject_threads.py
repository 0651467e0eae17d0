"""Threads by subject, such as the root of the files: a disk that stalls takes those of its subject.

A subject is text of a client, and is kept as long as something runs or waits for it. Owns no task.
"""

from collections.abc import Callable
from typing import TypeVar

import trio

Result = TypeVar("Result")
# There are not so many roots: who names others, of which there are none, has all others in common.
MOST_SUBJECTS = 16
_OTHERS = ""


class SubjectThreads:
    """At most `count` threads at a time for each subject."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._limiters: dict[str, trio.CapacityLimiter] = {}

    async def run(
        self, subject: str, work: Callable[[], Result], *, leaves_behind: bool = False
    ) -> Result:
        """Call `work` in a thread; with `leaves_behind` a cancelled caller does not wait for it."""
        if subject not in self._limiters and len(self._limiters) >= MOST_SUBJECTS:
            subject = _OTHERS
        limiter = self._limiters.setdefault(subject, trio.CapacityLimiter(self._count))
        try:
            return await trio.to_thread.run_sync(
                work, limiter=limiter, abandon_on_cancel=leaves_behind
            )
        finally:
            use = limiter.statistics()
            if not use.borrowed_tokens and not use.tasks_waiting:
                self._limiters.pop(subject, None)


async def run_cleaning(work: Callable[[], object]) -> None:
    """Call `work` in a thread of its own, which a cancelled caller leaves behind."""
    await trio.to_thread.run_sync(work, limiter=trio.CapacityLimiter(1), abandon_on_cancel=True)
