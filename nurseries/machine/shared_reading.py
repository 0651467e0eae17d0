"""One reading at a time, in a thread, for everybody who asked while it went on.

`SharedReading` belongs to the endpoint that reads; it owns no task. A driver that never answers
holds one thread, which is left behind, and everybody gets an error at the deadline.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import trio

from mrk.errors import ClientError

T = TypeVar("T")


class SharedReading(Generic[T]):
    """Runs `read` with a deadline; `what` names it in errors."""

    def __init__(self, what: str, deadline_s: float) -> None:
        self._what = what
        self._deadline_s = deadline_s
        self._turn = trio.CapacityLimiter(1)
        # Held until the thread ends, also by one that was left behind.
        self._thread = trio.CapacityLimiter(1)
        self._key: Hashable = None
        self._last: T | None = None
        self._finished_at = float("-inf")

    async def get(self, read: Callable[[], T], key: Hashable = None) -> T:
        """The result of `read`, or of another caller's with the same key that ended meanwhile.

        Raises `ClientError` 503 at the deadline, and whatever `read` raises.
        """
        asked_at = trio.current_time()
        with trio.move_on_after(self._deadline_s):
            async with self._turn:
                if self._last is not None and key == self._key and self._finished_at > asked_at:
                    return self._last
                result = await trio.to_thread.run_sync(
                    read, abandon_on_cancel=True, limiter=self._thread
                )
                self._key, self._last = key, result
                self._finished_at = trio.current_time()
                return result
        raise ClientError(
            f"{self._what}: no answer within {self._deadline_s:g} s; a device's driver may hang,"
            " unplug it or look into the kernel's log (dmesg)",
            503,
        )
