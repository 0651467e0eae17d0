"""One thing at a time: refreshes, updates, recoveries and rollbacks wait here for their turn.

`WorkQueue.run` does them in the update manager's own task, so that an update goes on when the
client that asked for it is gone. What was asked for and not done when `run` ends has failed.
"""

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from mrk.errors import ClientError
from mrk.updates.update_errors import UpdateFailed

# Each client's request for another item waits; the same item is refused by who asks.
MOST_WAITING = 50


class Work:
    """One request; `error` is known once it is `done`."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self.run = run
        self.done = trio.Event()
        self.error: ClientError | None = ClientError("The update manager has ended", 503)

    async def result(self) -> None:
        """Wait for its end; raises `ClientError` when it failed."""
        await self.done.wait()
        if self.error is not None:
            # Several may wait for one refresh, and an exception belongs to one of them.
            raise ClientError(self.error.message, self.error.status)


class WorkQueue:
    """What is under way, and what waits."""

    def __init__(self) -> None:
        self.current: Work | None = None
        self._waiting: deque[Work] = deque()
        self._asked = trio.Event()

    def find(self, name: str) -> Work | None:
        """The work of that name that is under way or waits."""
        known = [*self._waiting] if self.current is None else [self.current, *self._waiting]
        return next((work for work in known if work.name == name), None)

    def waiting(self, name: str) -> Work | None:
        """The work of that name that has not begun."""
        return next((work for work in self._waiting if work.name == name), None)

    def ask(self, name: str, run: Callable[[], Awaitable[None]]) -> Work:
        """Have it done in its turn; `run` may raise `UpdateFailed`. Raises `ClientError` 503."""
        if len(self._waiting) >= MOST_WAITING:
            raise ClientError(f"{MOST_WAITING} requests wait for the update manager already", 503)
        work = Work(name, run)
        self._waiting.append(work)
        self._asked.set()
        return work

    def offer(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """As `ask`, for what can be left out: with as many waiting as there may be, it is."""
        with contextlib.suppress(ClientError):
            self.ask(name, run)

    async def run(self) -> None:
        """Do what is asked for, until cancelled."""
        try:
            while True:
                while not self._waiting:
                    self._asked = trio.Event()
                    await self._asked.wait()
                self.current = self._waiting.popleft()
                await _do(self.current)
                self.current = None
        finally:
            self.current = None
            while self._waiting:
                self._waiting.popleft().done.set()


async def _do(work: Work) -> None:
    try:
        await work.run()
    except UpdateFailed as exc:
        work.error = ClientError(str(exc), exc.status)
    except OSError as exc:
        # A full or broken disk, at a step that does not say more about it.
        work.error = ClientError(f"A step failed: {exc.strerror or exc}", 500)
    else:
        work.error = None
    finally:
        work.done.set()
