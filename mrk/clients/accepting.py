"""Whether new connections are taken now: those who accept ask, and whoever restarts says so.

No task of its own. One instance for all transports of one generation.
"""

import trio


class Accepting:
    """Connections are taken until `stop`, and again from `resume` on."""

    __slots__ = ("_resumed",)

    def __init__(self) -> None:
        self._resumed: trio.Event | None = None

    @property
    def stopped(self) -> bool:
        """Whether new connections are left to whoever accepts next."""
        return self._resumed is not None

    def stop(self) -> None:
        """Take no more."""
        if self._resumed is None:
            self._resumed = trio.Event()

    def resume(self) -> None:
        """Take them again: nobody else does for a while."""
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None

    async def until_resumed(self) -> None:
        """Wait while they are not taken; while they are, not even for a turn of the loop."""
        while self._resumed is not None:
            await self._resumed.wait()
