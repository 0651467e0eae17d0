"""Calls of one client that are done one after the other, in its order.

Moonraker makes all clients wait for each other; here a long copy, or a slow check of a password,
holds up what its own client asks of the same kind. No task of its own: who comes second waits in
its request. Each subsystem that needs an order has an instance.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class ClientTurns:
    """A lock for each connection that has such a call at work."""

    def __init__(self) -> None:
        self._locks: dict[int, trio.Lock] = {}

    @asynccontextmanager
    async def turn(self, connection_id: int | None) -> AsyncIterator[None]:
        """Wait for what the same connection asked for before; without an id wait for nothing."""
        if connection_id is None:
            yield
            return
        lock = self._locks.setdefault(connection_id, trio.Lock())
        try:
            # The place in the row is taken at once, before anybody else runs.
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._locks.pop(connection_id, None)
