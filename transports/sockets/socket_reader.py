"""One task that reads many sockets: a client that says nothing needs none of its own.

A task that waits for a socket takes 2.5 KB of Trio's and 1 KB of coroutines of ours. This one waits
for an epoll object, which watches all of them.
"""

import select
from typing import Protocol

import trio

from transports.sockets.time_slice import TimeSlice

# Of those that have something to read, between two looks at all others.
_AT_ONCE = 64


class Readable(Protocol):
    """Whoever reads a socket."""

    def read(self) -> None:
        """Something has come, or the client has gone. Neither waits nor raises."""
        ...


class SocketReader:
    """Calls whoever is readable, while `run` runs; the descriptors are others' and stay open."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Readable] = {}

    def watch(self, descriptor: int, readable: Readable) -> None:
        """Call it whenever the descriptor can be read."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watched[descriptor] = readable

    def forget(self, descriptor: int) -> None:
        """Call nobody any more; to be said before the descriptor is closed. Twice is once."""
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    async def run(self) -> None:
        """Until cancelled."""
        turn = TimeSlice()
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            turn.begin()
            for descriptor, _events in self._epoll.poll(0, _AT_ONCE):
                readable = self._watched.get(descriptor)
                if readable is not None:  # one before it may have ended it
                    readable.read()
                del readable  # it may have ended, and be large
                if turn.over:
                    await turn.rest()

    def close(self) -> None:
        """Give the epoll object back."""
        self._watched.clear()
        self._epoll.close()
