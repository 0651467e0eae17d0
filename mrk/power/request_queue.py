"""Requests for one device: one runs, equal ones share its answer, few others wait.

`RequestQueue` decides where a request goes; the device's task takes one at a time. `Answer` is
whatever a caller waits on. Pure.
"""

from collections import deque
from typing import Generic, TypeVar

import msgspec

from mrk.errors import ClientError
from mrk.power.states import Wish

# Requests that differ from the one before them; a person clicks a few.
MOST_WAITING = 16
Answer = TypeVar("Answer")


class Request(msgspec.Struct, Generic[Answer], eq=False):
    """`answer` is shared by all who asked for the same."""

    wish: Wish
    force: bool
    answer: Answer

    def suits(self, wish: Wish, force: bool) -> bool:
        """Whether its answer is one to this too. Two toggles are not one."""
        return self.wish is wish is not Wish.TOGGLE and self.force is force


class RequestQueue(Generic[Answer]):
    """`running` is the request that the driver works on."""

    def __init__(self) -> None:
        self.running: Request[Answer] | None = None
        self._waiting: deque[Request[Answer]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def find(self, wish: Wish, force: bool) -> Answer | None:
        """The answer that an equal request will get; None when it has to be asked anew.

        Only the last one may be shared: one before it is followed by another wish. A status is
        any look at the device, so it joins whatever is to come.
        """
        last = self._waiting[-1] if self._waiting else self.running
        if last is None:
            return None
        if last.suits(wish, force) or wish is Wish.STATUS:
            return last.answer
        return None

    def add(self, wish: Wish, force: bool, answer: Answer) -> None:
        """At the end; raises `ClientError` 429 when too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            raise ClientError(
                f"{len(self._waiting)} requests wait for this device already; try again later", 429
            )
        self._waiting.append(Request(wish, force, answer))

    def take(self) -> Request[Answer] | None:
        """The next one, which is running from now on; None when none waits."""
        self.running = self._waiting.popleft() if self._waiting else None
        return self.running

    def done(self) -> None:
        """The running one has its answer."""
        self.running = None

    def drain(self) -> list[Request[Answer]]:
        """All that have no answer, which will get none."""
        left = [*([self.running] if self.running else []), *self._waiting]
        self._waiting.clear()
        self.running = None
        return left
