"""What power devices and buttons need of GPIO chips; `nurseries/gpio` owns the chips.

A line has one user: who asks for one that is taken is told who has it. Levels are logical: a pin
that is inverted is active while its line is low.
"""

from typing import Protocol

import msgspec

from mrk.definitions.pins import Pin
from mrk.errors import Transient


class GpioError(Transient):
    """A line cannot be had or used now: taken, no such chip, no permission, unplugged.

    The text names the pin. A chip may come back, so trying again is right.
    """


class Edge(msgspec.Struct, frozen=True):
    """An input changed: `active` after it, `at_s` on the kernel's monotonic clock."""

    active: bool
    at_s: float


class OutputLine(Protocol):
    """A requested output."""

    @property
    def is_active(self) -> bool:
        """The level that was set last."""

    def set(self, active: bool) -> None:
        """Raises `GpioError` when the chip is gone."""

    def release(self) -> None:
        """Let another user have it; its level stays. May be called twice."""


class InputLine(Protocol):
    """A requested input."""

    def read(self) -> bool:
        """Whether it is active now; raises `GpioError` when the chip is gone."""

    async def edges(self) -> list[Edge]:
        """The changes since the last call, oldest first; waits until there is one.

        Raises `GpioError` when the chip is gone. Of more than some 16 the kernel drops the rest.
        """

    def release(self) -> None:
        """Let another user have it. May be called twice; never while `edges` waits."""


class GpioLines(Protocol):
    """The owner of all chips. `user` is who asks, such as `[power psu]`, for messages."""

    def open_output(self, pin: Pin, user: str, active: bool = False) -> OutputLine:
        """Request a line as output with that level from the first moment on.

        One that this process had before, until `server.restart`, keeps the level that it has.
        Raises `GpioError`.
        """

    def open_input(self, pin: Pin, user: str) -> InputLine:
        """Request a line as input whose edges are told. Raises `GpioError`."""
