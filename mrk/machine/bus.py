"""The system's D-Bus to those who ask something on it: types and errors only.

`nurseries/services/bus.py` stands behind it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from mrk.errors import MrkError, Transient


class BusAbsent(MrkError):
    """There is no bus at that address."""


class BusLost(Transient):
    """The bus went away, or does not answer."""


class BusRefused(MrkError):
    """An error reply; `name` is D-Bus's name of the error."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name
        self.text = text


class BusPeer(msgspec.Struct, frozen=True):
    """An object and one of its interfaces."""

    name: str
    path: str
    interface: str


class Signal(msgspec.Struct, frozen=True):
    """A signal as it came; `sender` is a unique name."""

    sender: str
    path: str
    interface: str
    member: str
    body: tuple[Any, ...]


class BusPort(Protocol):
    """An open connection, as long as its block lasts."""

    async def call(
        self, peer: BusPeer, member: str, signature: str | None = None, body: tuple[Any, ...] = ()
    ) -> tuple[Any, ...]:
        """Call a method and return its results; raises `BusRefused` and `BusLost`."""

    async def watch(self, rule: str) -> None:
        """Receive the signals that match a rule."""

    async def wait_lost(self) -> None:
        """Return when the bus goes away."""


# Opens the system's bus; the function is called with each signal and must not block. Raises
# `BusAbsent` or `BusLost`, the latter perhaps in a group.
OpenBus = Callable[[Callable[[Signal], None]], AbstractAsyncContextManager[BusPort]]
