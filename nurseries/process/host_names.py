"""Look-ups of host names in threads of their own: at most four at a time for each name.

Trio runs them under its limit of 40 threads for everything, and leaves those behind whose caller
gave up; a resolver that is away keeps each for half a minute. Plugs and cameras that are called by
name and tried again and again would take all of them. Set once for a run of Trio.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

# Several that want one name at a time need not wait for each other.
AT_ONCE = 4

Resolve = Callable[..., list[Any]]


class HostNames(trio.abc.HostnameResolver):
    """`resolve` is `socket.getaddrinfo`. Names are bounded by who asks, not here."""

    def __init__(self, resolve: Resolve = socket.getaddrinfo) -> None:
        self._resolve = resolve
        # Held until the thread has ended, also by one that was left behind.
        self._asked: dict[bytes | None, trio.CapacityLimiter] = {}

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As Trio asks for what is no address yet."""
        look = partial(self._resolve, host, port, family, type, proto, flags)
        four = self._asked.setdefault(host, trio.CapacityLimiter(AT_ONCE))
        try:
            return await trio.to_thread.run_sync(look, limiter=four, abandon_on_cancel=True)
        finally:
            self._forget()

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int
    ) -> tuple[str, str]:
        """As Trio's own."""
        look = partial(socket.getnameinfo, sockaddr, flags)
        return await trio.to_thread.run_sync(look, abandon_on_cancel=True)

    def _forget(self) -> None:
        """Those that nobody asks for any more, and threads that were left behind before."""
        for host, four in list(self._asked.items()):
            use = four.statistics()
            if not use.borrowed_tokens and not use.tasks_waiting:
                del self._asked[host]
