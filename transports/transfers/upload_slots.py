"""How many uploads run at once, whose they are, and which ends when it is slow and others wait.

One instance per generation, used by the tasks of the uploads; ends nothing while nobody waits.
"""

import contextlib
import math
from collections.abc import AsyncIterator

import trio

from mrk.access.address import counted_as
from mrk.errors import ClientError
from mrk.http.exchange import Exchange

# Each holds a megabyte; others wait with their bodies unread.
UPLOADS_AT_ONCE = 16
UPLOADS_PER_ADDRESS = 8
# What an upload has to bring while others wait, in bytes per second, and how long it may fall
# behind: time lost to the network, not time that the disk takes.
LEAST_RATE = 16 * 1024
PATIENCE_S = 10.0


# Waiting uploads look at the running ones at least so often.
_LOOK_S = 1.0


class UploadSlot:
    """One upload, running or waiting for its turn. `receive` reads its body."""

    def __init__(self, exchange: Exchange) -> None:
        self.address = counted_as(exchange.head.address)
        self.ended = False
        self._exchange = exchange
        self._patience_s = PATIENCE_S
        self._asked_at = math.inf
        self._scope: trio.CancelScope | None = None

    @property
    def exhausted_at(self) -> float:
        """By trio's clock, when its client has fallen behind too far if nothing comes.

        `inf` while it is not waited for.
        """
        return self._asked_at + self._patience_s

    async def receive(self) -> bytes:
        """As the exchange's; raises `ClientError` 408 once it had to give way."""
        self._asked_at = trio.current_time()
        with trio.CancelScope() as self._scope:
            if self.ended:
                self._scope.cancel()
            data = await self._exchange.receive()
            gained_s = len(data) / LEAST_RATE - (trio.current_time() - self._asked_at)
            self._asked_at = math.inf
            self._patience_s = min(max(self._patience_s + gained_s, 0.0), PATIENCE_S)
            return data
        rate = f"{LEAST_RATE} bytes a second"
        raise ClientError(f"The upload was slower than {rate} while others waited", 408)

    def end(self) -> None:
        """Have it give way."""
        self.ended = True
        if self._scope is not None:
            self._scope.cancel()


class UploadSlots:
    """`wait_s` is the longest wait for a slot."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._running: list[UploadSlot] = []
        self._waiting: list[UploadSlot] = []
        self._changed = trio.Event()

    @contextlib.asynccontextmanager
    async def slot(self, exchange: Exchange) -> AsyncIterator[UploadSlot]:
        """Hold a slot while the block lasts; raises `ClientError` 503 when there was none."""
        slot = UploadSlot(exchange)
        with trio.move_on_after(self._wait_s) as waiting:
            await self._acquire(slot)
        if waiting.cancelled_caught:
            raise ClientError("Too many uploads at once: try again later", 503)
        try:
            yield slot
        finally:
            self._running.remove(slot)
            self._tell()

    async def _acquire(self, slot: UploadSlot) -> None:
        """Nothing may wait behind the slot's beginning: a cancellation there would keep it."""
        self._waiting.append(slot)
        try:
            while not self._is_next(slot):
                with trio.move_on_at(self._end_slowest(slot)):
                    await self._changed.wait()
            self._running.append(slot)
        finally:
            self._waiting.remove(slot)
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _is_next(self, slot: UploadSlot) -> bool:
        """Whether it is the first of those whose address has not its share yet."""
        if len(self._running) >= UPLOADS_AT_ONCE:
            return False
        return slot is next((one for one in self._waiting if not self._has_share(one)), None)

    def _has_share(self, slot: UploadSlot) -> bool:
        theirs = sum(one.address == slot.address for one in self._running)
        return theirs >= UPLOADS_PER_ADDRESS

    def _end_slowest(self, slot: UploadSlot) -> float:
        """End one upload for another that waits, if it is too slow; returns when to look again."""
        now = trio.current_time()
        own = self._has_share(slot)
        rivals = [one for one in self._running if not own or one.address == slot.address]
        free = 0 if own else UPLOADS_AT_ONCE - len(self._running)
        if free + sum(one.ended for one in rivals) > self._waiting.index(slot):
            return now + _LOOK_S  # that many end already
        slowest = min(rivals, key=lambda one: (one.ended, one.exhausted_at), default=None)
        if slowest is None or slowest.ended:
            return now + _LOOK_S  # nobody runs: those that go first have not run yet
        if slowest.exhausted_at <= now:
            slowest.end()
        return min(max(slowest.exhausted_at, now), now + _LOOK_S)
