"""An output pin or a macro of the printer as a power device.

`run` follows the printer object; it ends when cancelled, or by falling behind. The state is what
the object's field `value` says, and `init` while Klipper is not ready.
"""

import trio

from mrk.errors import ClientError
from mrk.klippy.events import (
    Disconnected,
    Ready,
    Shutdown,
    Started,
)
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.klippy.requirements import read_object
from mrk.power.driver import Report
from mrk.power.klipper_object import KlipperObject
from mrk.power.states import DriverFailed, PowerState
from mrk.status.update import StatusUpdate

EVENTS = 1024
# Klipper tells changes every 0.25 s.
UPDATE_S = 1.0


class KlipperDriver:
    """Implements `PowerDriver`."""

    least_s = 0.0
    # Klipper has forgotten what the pin was at each of its restarts.
    initialises_each_time = True

    def __init__(self, target: KlipperObject, klippy: KlippyPort, gcode: GcodePort) -> None:
        self._target = target
        self._klippy = klippy
        self._gcode = gcode
        self._state = PowerState.INIT
        self._updated = trio.Event()
        self.is_shutdown = False

    async def run(
        self, report: Report, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Follow the object."""
        kinds = (Ready, Started, Shutdown, Disconnected, StatusUpdate)
        with self._klippy.open_events("power", EVENTS, *kinds) as events:
            events.only_about((self._target.object_name,))
            task_status.started()
            if self._klippy.klippy_state == "ready":
                await self._subscribe(report)
            elif self._klippy.klippy_state == "shutdown":
                self._shut_down(report)
            async for event in events:
                match event:
                    case StatusUpdate() as update:
                        self._see(update.fields(self._target.object_name), report)
                    case Ready():
                        self.is_shutdown = False
                        await self._subscribe(report)
                    case Shutdown() | Started("shutdown"):
                        self._shut_down(report)
                    case Disconnected():
                        self.is_shutdown = False
                        self._set(PowerState.INIT, report)

    async def _subscribe(self, report: Report) -> None:
        name = self._target.object_name
        try:
            status = await self._klippy.subscribe({name: None})
        except ClientError:
            self._set(PowerState.ERROR, report)
            return
        self._set(self._target.state_of(status.get(name)) or PowerState.ERROR, report)

    def _shut_down(self, report: Report) -> None:
        self.is_shutdown = True
        self._set(PowerState.ERROR, report)

    def _see(self, fields: object, report: Report) -> None:
        state = self._target.state_of(fields)
        # What a printer in shutdown says of its pins is not what they are.
        if state is not None and not self.is_shutdown:
            self._set(state, report)

    def _set(self, state: PowerState, report: Report) -> None:
        self._state = state
        updated, self._updated = self._updated, trio.Event()
        updated.set()
        report(state)

    async def status(self) -> PowerState:
        """What was told last; Klipper is asked only where that is an error."""
        if self._state is PowerState.ERROR and not self.is_shutdown:
            name = self._target.object_name
            # Of an object that is not there, a named field would be null, which looks like off.
            try:
                answer = await self._klippy.call("objects/query", {"objects": {name: None}})
            except ClientError as exc:
                raise DriverFailed(exc.message) from exc
            found = read_object(answer, name)
            self._state = self._target.state_of(found) or PowerState.ERROR
        return self._state

    async def switch(self, on: bool) -> PowerState:
        """Run the g-code, and wait for the object to say so."""
        if self.is_shutdown:
            raise DriverFailed("Cannot set power for device when Klipper is shutdown")
        updated = self._updated
        try:
            await self._gcode.run_gcode(self._target.script(on))
        except ClientError as exc:
            raise DriverFailed(exc.message, state=self._after_failure()) from exc
        with trio.move_on_after(UPDATE_S):
            await updated.wait()
        if not updated.is_set():
            raise DriverFailed("Timeout waiting for device state update")
        if not self._state.is_known:
            raise DriverFailed("Klipper went away", state=self._after_failure())
        return self._state

    def _after_failure(self) -> PowerState:
        """Without Klipper nothing is known; that is no error of the device."""
        return self._state if self._state is PowerState.INIT else PowerState.ERROR
