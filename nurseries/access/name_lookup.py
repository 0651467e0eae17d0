"""Host names of clients, for `trusted_clients` that are names; nothing runs without such ones.

A name counts when the address leads to it and it leads back to the address (whoever owns an
address writes its reverse DNS as he likes). `serve` owns the look-ups; requests wait for theirs, 2
s at most, and go on as strangers. Made by the root, ends when cancelled.
"""

import contextlib
import ipaddress
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import trio

from mrk.access.trusted_clients import TrustedClients

WAIT_S = 2.0
# The system's resolver may take half a minute for a server that is gone.
LOOKUP_S = 10.0
KEPT_S = 3600.0  # since the last use
STRANGER_KEPT_S = 60.0  # since the look-up: somebody may be mending the DNS
MOST_KEPT = 1024
WORKERS = 4
# Waiting look-ups; a flood of addresses beyond that stays strange.
MOST_WAITING = 64
_MOST_NAMES = 8

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]


class _Known(msgspec.Struct):
    names: tuple[str, ...]
    until: float


class NameLookup:
    """`resolve` gives an address's confirmed names; it may take long, but not block the loop."""

    def __init__(self, trusted: TrustedClients, resolve: Resolve | None = None) -> None:
        self._trusted = trusted
        self._resolve = resolve or _in_thread(trio.CapacityLimiter(WORKERS))
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._pending: dict[str, trio.Event] = {}
        self._ask, self._asked = trio.open_memory_channel[str](MOST_WAITING)

    def names_of(self, address: str) -> tuple[str, ...]:
        """The trusted names of an address, as far as they are known; being asked keeps them."""
        known = self._known.get(address)
        now = trio.current_time()
        if known is None or known.until <= now:
            return ()
        if known.names:
            known.until = now + KEPT_S
            self._known.move_to_end(address)
        return known.names

    async def look_up_names(self, address: str) -> None:
        """Wait until an address's names are known, but not for long."""
        if self._trusted.has_address(address):
            return
        known = self._known.get(address)
        if known is not None and known.until > trio.current_time():
            return
        pending = self._pending.get(address)
        if pending is None:
            pending = trio.Event()
            try:
                self._ask.send_nowait(address)
            except trio.WouldBlock:
                return
            self._pending[address] = pending
        with trio.move_on_after(WAIT_S):
            await pending.wait()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look up what is asked for."""
        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(self._work, name="name look-up")
            task_status.started()

    async def _work(self) -> None:
        async for address in self._asked:
            names: tuple[str, ...] = ()
            try:
                with trio.move_on_after(LOOKUP_S):
                    names = await self._resolve(address)
            finally:
                self._remember(address, names)

    def _remember(self, address: str, names: tuple[str, ...]) -> None:
        trusted = tuple(name for name in names if name in self._trusted.names)
        kept_s = KEPT_S if trusted else STRANGER_KEPT_S
        self._known[address] = _Known(trusted, trio.current_time() + kept_s)
        self._known.move_to_end(address)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        pending = self._pending.pop(address, None)
        if pending is not None:
            pending.set()


def _in_thread(limiter: trio.CapacityLimiter) -> Resolve:
    async def resolve(address: str) -> tuple[str, ...]:
        return await trio.to_thread.run_sync(
            partial(confirmed_names, address), abandon_on_cancel=True, limiter=limiter
        )

    return resolve


def confirmed_names(address: str) -> tuple[str, ...]:
    """The names of an address that lead back to it, in lower case; blocks."""
    try:
        client = _plain(address)
        name, aliases, _ = socket.gethostbyaddr(client)
    except (OSError, ValueError):
        return ()
    found = dict.fromkeys([name, *aliases][:_MOST_NAMES])
    return tuple(one.lower().rstrip(".") for one in found if _leads_to(one, client))


def _leads_to(name: str, address: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return any(_plain(str(one[4][0])) == address for one in socket.getaddrinfo(name, None))
    return False


def _plain(address: str) -> str:
    """One spelling of an address; raises `ValueError` for what is none."""
    client = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(client, ipaddress.IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    return str(client)
