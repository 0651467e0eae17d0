"""Power devices on GPIO lines: a relay, and a 433 MHz transmitter.

Both know their state by themselves. The line is requested when `run` begins, and given back at its
end with its level, so that a restart of mrk does not touch the printer's power.
"""

import logging
import os
import time
from collections.abc import Sequence

import trio

from mrk.definitions.pins import Pin
from mrk.gpio.gpio_protocols import GpioError, GpioLines, OutputLine
from mrk.power.driver import Report
from mrk.power.rf_code import pulses
from mrk.power.states import DriverFailed, PowerState

logger = logging.getLogger(__name__)
# Sleeping is not exact enough below this.
_SPIN_S = 0.0002
_REALTIME_PRIORITY = 1


class LineDriver:
    """Implements `PowerDriver` for a relay. `user` names the device to who wants its line too."""

    least_s = 0.0
    initialises_each_time = False

    def __init__(self, gpio: GpioLines, pin: Pin, user: str, *, begins_on: bool) -> None:
        self._gpio = gpio
        self._pin = pin
        self._user = user
        self._begins_on = begins_on
        self._line: OutputLine | None = None

    async def run(
        self, report: Report, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Hold the line. Raises `GpioError`."""
        self._line = self._gpio.open_output(self._pin, self._user, self._first_level())
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            self._line.release()
            self._line = None

    def _first_level(self) -> bool:
        return self._begins_on

    async def status(self) -> PowerState:
        """As it was set."""
        await trio.lowlevel.checkpoint()
        return PowerState.of(self._held().is_active)

    async def switch(self, on: bool) -> PowerState:
        """At once."""
        await trio.lowlevel.checkpoint()
        try:
            self._held().set(on)
        except GpioError as exc:
            raise DriverFailed(str(exc)) from exc
        return PowerState.of(on)

    def _held(self) -> OutputLine:
        if self._line is None:
            raise DriverFailed(f"{self._pin} is not there")
        return self._line


class RfDriver(LineDriver):
    """The same for a transmitter: a switch sends a code, the line rests low in between."""

    def __init__(
        self, gpio: GpioLines, pin: Pin, user: str, codes: tuple[str, str], *, begins_on: bool
    ) -> None:
        super().__init__(gpio, pin, user, begins_on=begins_on)
        self._off_code, self._on_code = codes
        self._is_on = begins_on

    def _first_level(self) -> bool:
        return False

    async def status(self) -> PowerState:
        """As it was sent: nothing comes back."""
        await trio.lowlevel.checkpoint()
        self._held()
        return PowerState.of(self._is_on)

    async def switch(self, on: bool) -> PowerState:
        """Send the code ten times, 0.5 s, in a thread of its own."""
        levels = pulses(self._on_code if on else self._off_code)
        try:
            await trio.to_thread.run_sync(transmit, self._held(), levels)
        except GpioError as exc:
            raise DriverFailed(str(exc)) from exc
        self._is_on = on
        return PowerState.of(on)


def transmit(line: OutputLine, levels: Sequence[tuple[bool, float]]) -> None:
    """Hold each level for its seconds. Blocks; in real time where the user may."""
    thread = os.sched_param(_REALTIME_PRIORITY)
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, thread)
    except OSError:
        logger.debug("no real time for the transmitter")
    try:
        due = time.perf_counter()
        for level, seconds in levels:
            line.set(level)
            due += seconds
            _wait_until(due)
        line.set(False)
    finally:
        try:
            os.sched_setscheduler(0, *before)
        except OSError:
            logger.debug("the scheduling of the transmitter's thread stays")


def _wait_until(due: float) -> None:
    left = due - time.perf_counter()
    if left > _SPIN_S:
        time.sleep(left - _SPIN_S)
    while time.perf_counter() < due:
        pass
