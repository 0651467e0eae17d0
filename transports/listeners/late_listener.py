"""A listener whose place cannot be had yet, or may be lost: an address that comes later, a
read-only folder, a socket's file that another program removes.

Nobody runs it: whoever accepts has it tried again.
"""

import logging
import math
from collections.abc import Awaitable, Callable

import trio

from transports.listeners.listen_errors import ListenError

logger = logging.getLogger(__name__)
# A try at an address is one call of the kernel; one at a name may go over the network.
RETRY_S = 2.0
SELDOM_RETRY_S = 10.0


class LateListener(trio.abc.Listener[trio.SocketStream]):
    """Listens at a place that cannot be had yet; tried again while somebody accepts.

    `open_now` raises `ListenError` while it cannot. `warning` says why, None once it listens.
    `opened` listens from the start; `lost` is asked at the same beat, and says why it listens at
    its place no longer.
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
    ) -> None:
        self.warning: str | None = warning
        self._place = place
        self._open = open_now
        self._retry_s = retry_s
        self._listener = opened
        self._lost = lost

    async def accept(self) -> trio.SocketStream:
        """The next connection, once there is a place where one can arrive."""
        return await (await self.ready()).accept()

    async def ready(self) -> trio.SocketListener:
        """Wait for a connection; returns the listener that has it."""
        while True:
            listener = self._listener or await self._opened()
            with trio.move_on_after(math.inf if self._lost is None else self._retry_s):
                await trio.lowlevel.wait_readable(listener.socket)
                return listener
            if self._lost is not None:
                self.warning = await self._lost()
            if self.warning is not None:
                logger.warning("%s", self.warning)
                self.close()
                self._listener = None

    async def _opened(self) -> trio.SocketListener:
        while True:
            await trio.sleep(self._retry_s)
            try:
                self._listener = await self._open()
            except ListenError:
                continue  # as before: the warning stands
            self.warning = None
            logger.info("listening on %s now", self._place)
            return self._listener

    def close(self) -> None:
        """Give the place back, if it was had."""
        if self._listener is not None:
            self._listener.socket.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()
        await trio.lowlevel.checkpoint()


Listener = trio.SocketListener | LateListener
