"""A listener whose place cannot be had yet, or may be lost: an address that comes later, a
read-only folder, a socket's file that another program removes.

Nobody runs it: whoever accepts has it tried again.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from transports.listeners.file_watch import FileWatch
from transports.listeners.listen_errors import ListenError

logger = logging.getLogger(__name__)
# A try at an address is one call of the kernel; one at a name may go over the network.
RETRY_S = 2.0
SELDOM_RETRY_S = 10.0
# Who replaces a file has removed it first: what is made in between would be in its way.
SETTLE_S = 1.0


class LateListener(trio.abc.Listener[trio.SocketStream]):
    """Listens at a place that cannot be had yet; tried again while somebody accepts.

    `open_now` raises `ListenError` while it cannot. `warning` says why, None once it listens.
    `opened` listens from the start; `lost` is asked at the same beat, and says why it listens at
    its place no longer. It is asked sooner when `watch` tells of a change, which is closed with it.
    """

    def __init__(
        self,
        place: str,
        open_now: Callable[[], Awaitable[trio.SocketListener]],
        warning: str | None,
        retry_s: float,
        *,
        opened: trio.SocketListener | None = None,
        lost: Callable[[], Awaitable[str | None]] | None = None,
        watch: FileWatch | None = None,
    ) -> None:
        self.warning: str | None = warning
        self._place = place
        self._open = open_now
        self._retry_s = retry_s
        self._listener = opened
        self._lost = lost
        self._watch = FileWatch() if watch is None else watch
        # When a place that was lost has not been tried yet.
        self._is_due = False

    async def accept(self) -> trio.SocketStream:
        """The next connection, once there is a place where one can arrive."""
        return await (await self.ready()).accept()

    async def ready(self) -> trio.SocketListener:
        """Wait for a connection; returns the listener that has it."""
        while True:
            listener = self._listener or await self._opened()
            if await self._is_readable(listener):
                return listener
            if self._lost is not None:
                self.warning = await self._lost()
            if self.warning is not None:
                logger.warning("%s", self.warning)
                self.close()
                self._listener, self._is_due = None, True

    async def _is_readable(self, listener: trio.SocketListener) -> bool:
        """Wait for a connection; False when it is time to look whether the place is lost."""
        if self._lost is None:
            await trio.lowlevel.wait_readable(listener.socket)
            return True
        is_readable = False
        with trio.move_on_after(self._retry_s) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._look_soon, scope)
                await trio.lowlevel.wait_readable(listener.socket)
                is_readable = True
                nursery.cancel_scope.cancel()
        return is_readable

    async def _look_soon(self, scope: trio.CancelScope) -> None:
        await self._watch.changed()
        scope.deadline = min(scope.deadline, trio.current_time() + SETTLE_S)

    async def _opened(self) -> trio.SocketListener:
        while True:
            await trio.sleep(0.0 if self._is_due else self._retry_s)
            self._is_due = False
            try:
                self._listener = await self._open()
            except ListenError:
                continue  # as before: the warning stands
            self.warning = None
            logger.info("listening on %s now", self._place)
            return self._listener

    def close(self) -> None:
        """Give the place back, if it was had."""
        self._watch.close()
        if self._listener is not None:
            self._listener.socket.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()
        await trio.lowlevel.checkpoint()


Listener = trio.SocketListener | LateListener
