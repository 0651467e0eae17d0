"""What a driver of a power device is to the device's task, and what drivers are made of.

A driver knows one device: how to ask it and how to switch it. It keeps no state machine and no
deadline of its own: the device's task has both.
"""

from collections.abc import Callable
from typing import Any, Protocol

from mrk.power.states import PowerState

# Called by a driver whose device speaks by itself; must not block.
Report = Callable[[PowerState], None]


class PowerDriver(Protocol):
    """One device. `status` and `switch` are never called at the same time.

    `least_s`: what a request needs at least, as a delay that the owner has configured.
    `initialises_each_time`: `initial_state` is applied whenever the device becomes known, and not
    only the first time.
    """

    least_s: float
    initialises_each_time: bool

    async def run(self, report: Report, *, task_status: Any) -> None:
        """Be ready for requests (`started`), and tell what the device says by itself.

        Returns only when cancelled. Raises `Transient` when the device cannot be had now.
        """

    async def status(self) -> PowerState:
        """Ask the device; `init` when it will tell by itself. Raises `DriverFailed`."""

    async def switch(self, on: bool) -> PowerState:
        """Switch it; what it reports then. Raises `DriverFailed`."""
