"""A CAN bus to those who ask on it: a frame, a Protocol and its error.

Types only. `nurseries/machine/python_can.py` opens one.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from mrk.errors import MrkError


class CanFailed(MrkError):
    """The bus could not be opened, or failed; the text is for a person."""


class NoCanInterface(CanFailed):
    """There is no CAN interface of that name."""


class CanFrame(msgspec.Struct, frozen=True):
    """A frame with its identifier; `plain` means 11-bit, classic, and carrying data.

    `bus_off` marks the controller's own report that it left the bus.
    """

    can_id: int
    data: bytes
    plain: bool = True
    bus_off: bool = False


class CanBus(Protocol):
    """An open bus, for one thread. All three raise `CanFailed`, and return within their limits."""

    def send(self, frame: CanFrame, within_s: float) -> None: ...

    def receive(self, within_s: float) -> CanFrame | None:
        """The next frame; None when none came in time."""

    def close(self) -> None: ...


# Opens the named interface for frames of one identifier; blocks, raises `CanFailed`.
OpenBus = Callable[[str, int], CanBus]
