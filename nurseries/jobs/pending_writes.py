"""Writes of what has happened, which nobody can be asked to repeat: made in order, until stored.

Filled and run by the part that owns it; it has no task of its own. On a full disk they wait in
memory: at the bound the oldest is given up. A cancelled write is made again, so each must be
harmless when made twice.
"""

import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle

logger = logging.getLogger(__name__)
Write = Callable[[], Awaitable[None]]
# Three for each print: more than a hundred prints, of a few KB each.
MOST_PENDING = 400
RETRY_S = 5.0
_SERVER_FAULT = 500


class PendingWrites:
    """`name` is whose they are. `retry_at` (Trio's clock) is when `run` should be called again."""

    def __init__(self, name: str, most: int = MOST_PENDING) -> None:
        self._name = name
        self._most = most
        self._writes: deque[Write] = deque()
        self._throttle = LogThrottle()
        self.retry_at = math.inf

    def __len__(self) -> int:
        return len(self._writes)

    def add(self, write: Write) -> None:
        """To be made after those before it; one that is the last already is there once."""
        if self._writes and self._writes[-1] == write:
            return
        self._writes.append(write)
        if len(self._writes) > self._most:
            self._writes.popleft()
            self._say(f"more than {self._most} writes wait: the oldest are given up")

    async def run(self) -> bool:
        """Make those that wait; false when one could not be made, and waits with the rest.

        Writes raise `ClientError`: one of a status below 500 is refused for good.
        """
        while self._writes:
            try:
                await self._run_first()
            except ClientError as exc:
                self._say(f"not stored yet, tried again: {exc.message}")
                self.retry_at = trio.current_time() + RETRY_S
                return False
        self.retry_at = math.inf
        return True

    async def _run_first(self) -> None:
        write = self._writes.popleft()
        try:
            await write()
        except ClientError as exc:
            if exc.status < _SERVER_FAULT:
                logger.warning("%s: not stored: %s", self._name, exc.message)
                return
            self._writes.appendleft(write)
            raise
        except trio.Cancelled:
            self._writes.appendleft(write)
            raise

    def _say(self, text: str) -> None:
        self._throttle.log(logger, f"{self._name}: {text}", trio.current_time())
