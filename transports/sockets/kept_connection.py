"""A client's connection that has a task only while one is needed.

What is to be done in tasks (a call that waits, output that the client does not take at once, the
goodbye) is done in a nursery that opens for it and closes behind the last of it.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import trio

from mrk.clients.turns import Turns
from mrk.websocket.events import Ending
from transports.sockets.client_connection import BUG, ClientConnection
from transports.sockets.outbox_sender import OutboxSender

logger = logging.getLogger(__name__)
Work = Callable[[], Awaitable[None]]
# Shared by all that have nothing to do; never changed.
_NO_WORKS: list[tuple[Work, str]] = []


class Keeper(Protocol):
    """Whoever serves a connection that is kept."""

    def leave(self) -> None:
        """It ends: hear it no more. May be called more than once."""
        ...

    async def finish(self) -> None:
        """It has ended, and its tasks with it. Bounds its own waits."""
        ...


class _Gone:
    """Keeps nothing any more."""

    def leave(self) -> None:
        pass

    async def finish(self) -> None:
        await trio.lowlevel.checkpoint()


_GONE = _Gone()


class KeptConnection(ClientConnection):
    """Until `keep` is called it is any other connection, and may be `run` instead.

    A bug in it is logged and ends it alone, whether it is met in a task or between two of them.
    """

    __slots__ = ("_awake", "_home", "_keeper", "_works")

    def __init__(
        self,
        name: str,
        sender: OutboxSender,
        turns: Turns,
        when_cancelled: Callable[[], Ending],
    ) -> None:
        super().__init__(name, sender, turns, when_cancelled)
        self._keeper: Keeper | None = None
        # Whose tasks it has, what begins in the next, and whether there is one.
        self._home: trio.Nursery | None = None
        self._works = _NO_WORKS
        self._awake = False

    def keep(self, keeper: Keeper, home: trio.Nursery) -> None:
        """Live without a task until one is needed, which is one of `home` then.

        Until `end`, which whoever cancels `home` calls. Not for one that was ended before.
        """
        self._keeper, self._home = keeper, home
        self._sender.begin(self._start_sender)

    def step(self, work: Callable[[], None]) -> None:
        """Do something that waits for nothing."""
        try:
            work()
        except Exception:
            self._fail()

    def start(self, work: Work, name: str) -> None:
        """Run `work` as long as the connection lives."""
        if self._home is None:
            super().start(work, name)
        elif self._nursery is not None and self._nursery.child_tasks:
            self._begin(self._nursery, work, name)
        else:
            self._works = [*self._works, (work, name)]
            self._wake(self._home)

    def _start_sender(self) -> None:
        if self._home is None:
            super()._start_sender()
        else:
            self.start(self._send, "sender")

    def end(self, ending: Ending) -> None:
        """End the connection; the first ending counts."""
        if self._home is None:
            super().end(ending)
            return
        if self._ending is None:
            self._ending = ending
        self._leave()
        self._sender.limit_goodbye()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()
        else:
            self._wake(self._home)

    def end_in_turn(self, ending: Ending) -> None:
        """End it when it is its turn, because of what the client did; it is heard no more."""
        self._leave()
        self.start(partial(self._end_in_turn, ending), "end")

    def _leave(self) -> None:
        assert self._keeper is not None, "not kept"
        try:
            self._keeper.leave()
        except Exception:
            self._log_bug()
            self._ending = BUG

    def _wake(self, home: trio.Nursery) -> None:
        if not self._awake:
            self._awake = True
            home.start_soon(self._work, name=self._name)

    async def _work(self) -> None:
        """Do what there is to do in tasks; once it has ended, finish it."""
        try:
            while self._works:
                works, self._works = self._works, _NO_WORKS
                async with trio.open_nursery() as self._nursery:
                    if self._ending is not None:
                        self._nursery.cancel_scope.cancel()
                    for work, name in works:
                        self._begin(self._nursery, work, name)
        finally:
            # Without an ending somebody cancels `home`, who is about to end it.
            self._nursery = None
            self._awake = self._ending is not None
            if self._ending is not None:
                await self._finish()  # noqa: ASYNC102 - bounds its own waits

    async def _finish(self) -> None:
        assert self._keeper is not None, "not kept"
        self._sender.close()
        try:
            await self._keeper.finish()
        except* Exception as bugs:
            logger.error("%s: its goodbye failed because of a bug", self._name, exc_info=bugs)
        finally:
            # What knows each other waits for a garbage collection, with all that the client sent.
            self._keeper = _GONE

    def _begin(self, nursery: trio.Nursery, work: Work, name: str) -> None:
        nursery.start_soon(self._until_done, work, name=f"{self._name} {name}")

    async def _until_done(self, work: Work) -> None:
        try:
            await work()
        except* Exception:
            self._fail()

    def _fail(self) -> None:
        self._log_bug()
        self._ending = BUG
        self.end(BUG)

    def _log_bug(self) -> None:
        logger.exception("%s: closed because of a bug", self._name)
