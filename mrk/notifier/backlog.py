"""Messages of one notifier that wait: for their turn within the minute, or for another try.

A message that fails is tried again with growing pauses for an hour. `MOST_WAITING` may wait; beyond
that those of macros and of progress are dropped first, then the oldest. Pure: time comes in.
"""

from collections import deque
from typing import Generic, TypeVar

import msgspec

MOST_WAITING = 20
MINUTE_S = 60.0
FIRST_RETRY_S = 10.0
LAST_RETRY_S = 600.0
GIVE_UP_S = 3600.0

T = TypeVar("T")


class WaitingMessage(msgspec.Struct, Generic[T], eq=False):
    """One message; `minor` ones give way. Times in seconds on a steady clock."""

    message: T
    minor: bool
    since: float
    next_at: float
    pause_s: float = FIRST_RETRY_S
    tries: int = 0


class Backlog(Generic[T]):
    """`per_minute` bounds tries within any 60 s."""

    def __init__(self, per_minute: int) -> None:
        self._waiting: list[WaitingMessage[T]] = []
        self._tried: deque[float] = deque(maxlen=per_minute)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def messages(self) -> list[T]:
        """All that wait, the oldest first."""
        return [one.message for one in self._waiting]

    def put(self, message: T, now: float, *, minor: bool = False) -> T | None:
        """Add a message; returns the one that had to be dropped for it, if any."""
        self._waiting.append(WaitingMessage(message, minor, now, now))
        if len(self._waiting) <= MOST_WAITING:
            return None
        dropped = next((one for one in self._waiting if one.minor), self._waiting[0])
        self._waiting.remove(dropped)
        return dropped.message

    def due_at(self) -> float | None:
        """When `take` will have something; None when nothing waits."""
        if not self._waiting:
            return None
        soonest = min(one.next_at for one in self._waiting)
        if len(self._tried) == self._tried.maxlen:
            return max(soonest, self._tried[0] + MINUTE_S)
        return soonest

    def take(self, now: float) -> WaitingMessage[T] | None:
        """The oldest message that is due; it stays until `succeeded` or `failed` is called."""
        due_at = self.due_at()
        if due_at is None or now < due_at:
            return None
        found = next(one for one in self._waiting if one.next_at <= now)
        found.tries += 1
        self._tried.append(now)
        return found

    def succeeded(self, one: WaitingMessage[T]) -> None:
        """It was sent."""
        self._forget(one)

    def failed(self, one: WaitingMessage[T], now: float) -> bool:
        """It was not; returns whether it is given up, because the hour is over."""
        if now + one.pause_s - one.since > GIVE_UP_S:
            self._forget(one)
            return True
        one.next_at = now + one.pause_s
        one.pause_s = min(one.pause_s * 2, LAST_RETRY_S)
        return False

    def _forget(self, one: WaitingMessage[T]) -> None:
        if one in self._waiting:  # a full backlog may have dropped it meanwhile
            self._waiting.remove(one)
