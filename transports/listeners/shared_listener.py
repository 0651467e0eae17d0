"""A listener that outlives who accepts on it: connections are taken only while that is wanted."""

import trio

from mrk.clients.accepting import Accepting
from transports.listeners.late_listener import Listener


class SharedListener(trio.abc.Listener[trio.SocketStream]):
    """Takes connections of `listener` while `accepting`; others wait in the kernel's queue.

    Waiting and taking are two steps: an accept that waits takes what arrives in the very turn of
    the loop in which it is told to stop, and that is who was told just now that the next one
    serves.
    """

    def __init__(self, listener: Listener, accepting: Accepting) -> None:
        self._listener = listener
        self._accepting = accepting

    async def accept(self) -> trio.SocketStream:
        """The next connection, once it is wanted."""
        while True:
            await self._accepting.until_resumed()
            ready = await _ready(self._listener)
            if not self._accepting.stopped:
                return await ready.accept()

    async def aclose(self) -> None:
        """Close the listener itself."""
        await self._listener.aclose()


async def _ready(listener: Listener) -> trio.SocketListener:
    """Wait for a connection; returns where it waits."""
    if not isinstance(listener, trio.SocketListener):
        return await listener.ready()
    await trio.lowlevel.wait_readable(listener.socket)
    return listener
