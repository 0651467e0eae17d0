"""Who comes or goes takes a turn, so that a crowd that does so at once holds up nobody else.

Trio runs all tasks that are ready before it looks at sockets again, and a thousand connections that
end in one instant are a thousand ready tasks. A turn is given to a few of them between two looks.
Owns no task: whoever has had a turn lets the next in. One instance per generation.
"""

import trio

# A connection that opens or ends costs some 0.3 ms.
AT_ONCE = 16


class Turns:
    """At most `at_once` pass between two looks of the event loop at its sockets, in order.

    Who begins goes before who ends, and leaves a quarter of the turns to those.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._beginning = trio.lowlevel.ParkingLot()
        self._ending = trio.lowlevel.ParkingLot()
        # Were let in together, and those of them that have not run since.
        self._group = 0
        self._let_in = 0
        # Without waiting, since the loop was last seen to look at its sockets.
        self._passed = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._beginning) + len(self._ending)

    async def begin(self) -> None:
        """Wait for a turn to open a connection; a checkpoint seldom, but in a crowd."""
        await self._take(self._beginning)

    async def end(self) -> None:
        """Wait for a turn to end one; a checkpoint seldom, but in a crowd."""
        await self._take(self._ending)

    async def _take(self, queue: trio.lowlevel.ParkingLot) -> None:
        if self._let_in:
            await queue.park()
            self._let_next_in()
        elif self._passed < self._at_once:
            self._passed += 1
        else:
            self._let_in = self._group = 1
            try:
                await trio.lowlevel.checkpoint()
            finally:
                self._let_next_in()

    def _let_next_in(self) -> None:
        """Called by each that was let in, as soon as it runs; the last one lets others in.

        They run after the next look at sockets. Who was let in does run: it cannot be cancelled
        between.
        """
        self._let_in -= 1
        if self._let_in:
            return
        kept = min(len(self._ending), self._at_once // 4)
        self._let_in = len(self._beginning.unpark(count=self._at_once - kept))
        self._let_in += len(self._ending.unpark(count=self._at_once - self._let_in))
        if self._let_in:
            self._group = self._let_in
        else:
            self._passed = self._group  # all of them since the last look
