"""Whether new connections are taken now: those who accept ask, and whoever restarts says so.

No task of its own. One instance a transport, for one generation.
"""

import trio


class Accepting:
    """Connections are taken until `stop`, and again from `resume` on."""

    __slots__ = ("_resumed", "_stopped")

    def __init__(self) -> None:
        self._stopped = trio.Event()
        self._resumed = trio.Event()

    @property
    def stopped(self) -> bool:
        """Whether new connections are left to whoever accepts next."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Take no more."""
        if not self.stopped:
            self._resumed = trio.Event()
            self._stopped.set()

    def resume(self) -> None:
        """Take them again: nobody else does for a while."""
        if self.stopped:
            self._stopped = trio.Event()
            self._resumed.set()

    async def until_stopped(self) -> None:
        """Wait while they are taken."""
        await self._stopped.wait()

    async def until_resumed(self) -> None:
        """Wait while they are not."""
        await self._resumed.wait()
