"""What macros order of a subsystem by remote methods without arguments, such as `start_job_queue`.

Klipper's calls come in the link's reader, which waits for nobody: they are handed on to
`obey`, which the subsystem runs. It ends when cancelled.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import trio

from mrk.errors import ClientError
from mrk.klippy.klippy_protocols import RemoteMethodsPort

logger = logging.getLogger(__name__)
Order = Callable[[], Awaitable[object]]
# Remote calls that wait for their turn; a macro that calls more often says nothing new.
ORDERS = 8


class MacroOrders:
    """`orders`, by the names that macros call, are done in the order in which they were called."""

    def __init__(self, klippy: RemoteMethodsPort, orders: Mapping[str, Order]) -> None:
        self._klippy = klippy
        self._orders = orders
        self._send, self._ordered = trio.open_memory_channel[str](ORDERS)

    def register(self) -> None:
        """From now on macros may call; a call is dropped when too many wait."""
        self._send, self._ordered = trio.open_memory_channel[str](ORDERS)
        for name in self._orders:
            self._klippy.register_remote_method(name, partial(self._take, name))

    def unregister(self) -> None:
        """The subsystem does not run any more."""
        for name in self._orders:
            self._klippy.unregister_remote_method(name)

    def _take(self, name: str) -> None:
        try:
            self._send.send_nowait(name)
        except trio.WouldBlock:
            logger.warning("%s: too many remote calls wait", name)

    async def obey(self) -> None:
        """Do what was ordered."""
        async for name in self._ordered:
            try:
                await self._orders[name]()
            except ClientError as exc:
                logger.warning("%s, which a macro called: %s", name, exc.message)
