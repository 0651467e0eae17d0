"""A listener whose place cannot be had yet: an address that comes later, a read-only folder.

Nobody runs it: whoever accepts has it tried again.
"""

import logging
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
    """

    def __init__(
        self,
        place: str,
        open_now: Callable[[], Awaitable[trio.SocketListener]],
        warning: str,
        retry_s: float,
    ) -> None:
        self.warning: str | None = warning
        self._place = place
        self._open = open_now
        self._retry_s = retry_s
        self._listener: trio.SocketListener | None = None

    async def accept(self) -> trio.SocketStream:
        """The next connection, once there is a place where one can arrive."""
        while self._listener is None:
            await trio.sleep(self._retry_s)
            try:
                self._listener = await self._open()
            except ListenError:
                pass  # as before: the warning stands
            else:
                self.warning = None
                logger.info("listening on %s now", self._place)
        return await self._listener.accept()

    def close(self) -> None:
        """Give the place back, if it was had."""
        if self._listener is not None:
            self._listener.socket.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()
        await trio.lowlevel.checkpoint()


Listener = trio.SocketListener | LateListener
