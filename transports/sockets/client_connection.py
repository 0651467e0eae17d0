"""The tasks of one client's connection, and how it ends.

`run` owns their nursery. It ends with the first part that ends, by `end`, or by cancellation; a bug
in one client's connection is logged and ends that connection only.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from mrk.clients.turns import Turns
from mrk.websocket.events import NO_CLOSE_FRAME, Ending
from transports.sockets.outbox_sender import OutboxSender

logger = logging.getLogger(__name__)
ConnectionTask = Callable[[], Awaitable[Ending]]
SERVER_SHUTDOWN = Ending(1001, "Server Shutdown")
# Browsers' front ends take every close frame as final (`CloseEvent.wasClean`). They come back by
# themselves after a connection that just ended.
SERVER_RESTART = Ending(NO_CLOSE_FRAME, "Server Restart")
BUG = Ending(1011, "internal error")
# Endings that somebody should hear of; all others are everyday life.
_WORTH_A_WARNING = frozenset({1002, 1007, 1008, 1009, 1011})


class ClientConnection:
    """`when_cancelled` says how it ends when nothing but a cancellation ended it.

    One that ends by itself takes one of the `turns`.
    """

    __slots__ = (
        "_ending",
        "_left",
        "_name",
        "_nursery",
        "_sender",
        "_turns",
        "_when_cancelled",
    )

    def __init__(
        self,
        name: str,
        sender: OutboxSender,
        turns: Turns,
        when_cancelled: Callable[[], Ending] = lambda: SERVER_SHUTDOWN,
    ) -> None:
        self._name = name
        self._sender = sender
        self._turns = turns
        self._when_cancelled = when_cancelled
        self._ending: Ending | None = None
        self._nursery: trio.Nursery | None = None
        self._left = False

    @property
    def ending(self) -> Ending:
        """How it ended, or would end now."""
        return self._when_cancelled() if self._ending is None else self._ending

    @property
    def ended(self) -> bool:
        """Whether it was told to end."""
        return self._ending is not None

    async def run(self, part: ConnectionTask, *others: ConnectionTask) -> None:
        """Run all parts, and the sender while it has to wait, until one of them ends.

        What waits in the outbox is sent within `goodbye_s`, also when cancelled from outside.
        A connection that was ended before is not begun.
        """
        if self._ending is not None:
            return
        try:
            async with trio.open_nursery() as self._nursery:
                self._sender.begin(self._start_sender)
                for other in others:
                    self._nursery.start_soon(self._until_ended, other, name=f"{self._name} part")
                try:
                    # As `_until_ended`, without its frame for as long as the connection lives.
                    await self._end_in_turn(await part())
                finally:
                    self._sender.limit_goodbye()
                    self._left = True
        except* Exception as bugs:
            logger.error("%s: closed because of a bug", self._name, exc_info=bugs)
            self._ending = BUG
        finally:
            self._sender.close()

    def start(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        """Run `work` as long as the connection lives."""
        assert self._nursery is not None, "not running"
        self._nursery.start_soon(work, name=f"{self._name} {name}")

    def _start_sender(self) -> None:
        assert self._nursery is not None, "not running"
        if self._left and not self._nursery.child_tasks:
            return  # closed: `run` is about to go on
        self._nursery.start_soon(self._send, name=f"{self._name} sender")

    def end(self, ending: Ending) -> None:
        """End the connection; the first ending counts."""
        if self._ending is None:
            self._ending = ending
        if self._nursery is not None:
            self._sender.limit_goodbye()
            self._nursery.cancel_scope.cancel()

    def log(self) -> None:
        """One line on how it ended."""
        level = logging.WARNING if self.ending.code in _WORTH_A_WARNING else logging.DEBUG
        logger.log(level, "%s closed: %s %s", self._name, self.ending.code, self.ending.reason)

    async def _send(self) -> None:
        failure = await self._sender.run()
        if failure is not None:
            await self._end_in_turn(failure)

    async def _until_ended(self, part: ConnectionTask) -> None:
        await self._end_in_turn(await part())

    async def _end_in_turn(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
        await self._turns.end()
        self.end(ending)
