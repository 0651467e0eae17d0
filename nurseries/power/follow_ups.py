"""What follows when a device was switched: its bound services, a restart of Klipper.

Owned by the device, whose `serve` runs both tasks. Only the newest wish counts: whoever switches
on, off and on again ends with the services started once.
"""

import logging

import trio

from mrk.errors import ClientError
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.machine.services import ServiceError
from mrk.power.restart_wish import RestartStep, restart_step
from nurseries.power.bound_services import BoundServices

logger = logging.getLogger(__name__)
# Starting a service takes seconds; past this it goes on without us.
SERVICE_S = 60.0
# FIRMWARE_RESTART is answered at once, or with the end of the connection.
RESTART_ANSWER_S = 20.0


class FollowUps:
    """`bound` are the services; `restart_delay_s` is between on and FIRMWARE_RESTART."""

    def __init__(
        self,
        name: str,
        klippy: KlippyPort,
        gcode: GcodePort,
        bound: BoundServices,
        restart_delay_s: float = 1.0,
    ) -> None:
        self._name = name
        self._klippy = klippy
        self._gcode = gcode
        self._bound = bound
        self._restart_delay_s = restart_delay_s
        self._services_wanted: bool | None = None
        self._services_asked = trio.Event()
        self._restart_wanted = False
        self._restart_asked = trio.Event()
        self._restart_wait = trio.CancelScope()
        self._klippy_changed = trio.Event()

    @property
    def klippy_state(self) -> str:
        """As the link says."""
        return self._klippy.klippy_state

    def on_klippy(self) -> None:
        """Klipper's state has changed."""
        changed, self._klippy_changed = self._klippy_changed, trio.Event()
        changed.set()

    async def klipper_known(self) -> None:
        """Return once Klipper is neither away nor starting."""
        while restart_step(self.klippy_state) is RestartStep.WAIT:
            await self._klippy_changed.wait()

    # Services

    def want_services(self, running: bool | None) -> None:
        """Start them (True) or stop them; None leaves them alone."""
        if running is not None and self._bound.names:
            self._services_wanted = running
            self._services_asked.set()

    async def run_services(self) -> None:
        """Until cancelled."""
        while True:
            self._services_asked = trio.Event()
            if self._services_wanted is None:
                await self._services_asked.wait()
            running, self._services_wanted = self._services_wanted is True, None
            await trio.lowlevel.checkpoint()
            for service in self._bound.names:
                await self._set_service(service, running)

    async def _set_service(self, service: str, running: bool) -> None:
        reason = self._bound.left_alone(service)
        if reason is not None:
            logger.info("power device %s: %s, and is left alone", self._name, reason)
            return
        control = self._bound.control
        act = control.start if running else control.stop
        verb = "started" if running else "stopped"
        try:
            with trio.fail_after(SERVICE_S):
                await act(service)
        except ServiceError as exc:
            logger.warning("power device %s: %s is not %s: %s", self._name, service, verb, exc)
        except trio.TooSlowError:
            logger.warning("power device %s: %s is not %s yet", self._name, service, verb)
        else:
            logger.info("power device %s: %s %s", self._name, service, verb)

    # Klipper

    def want_restart(self, wanted: bool, *, is_off: bool) -> None:
        """Restart Klipper unless it is ready; behind a device that is off again nobody needs it."""
        if is_off:
            self._restart_wanted = False
            # When it is on again, the printer's boards start anew: they get the whole delay.
            self._restart_wait.cancel()
        elif wanted:
            self._restart_wanted = True
            self._restart_asked.set()

    async def run_restarts(self) -> None:
        """Until cancelled."""
        while True:
            self._restart_asked = trio.Event()
            if not self._restart_wanted:
                await self._restart_asked.wait()
                continue
            with trio.CancelScope() as self._restart_wait:
                await self._until_restart()
            if self._restart_wait.cancelled_caught:
                continue
            # Whoever switches off and on while Klipper answers wants another one.
            self._restart_wanted = False
            if self._step() is RestartStep.SEND:
                await self._restart()

    async def _until_restart(self) -> None:
        await self.klipper_known()
        if self._step() is RestartStep.SEND:
            await trio.sleep(self._restart_delay_s)
            await self.klipper_known()

    async def _restart(self) -> None:
        logger.info("power device %s is on: FIRMWARE_RESTART", self._name)
        try:
            with trio.fail_after(RESTART_ANSWER_S):
                await self._gcode.run_gcode("FIRMWARE_RESTART")
        except (ClientError, trio.TooSlowError) as exc:
            logger.info("power device %s: FIRMWARE_RESTART: %s", self._name, exc)

    def _step(self) -> RestartStep:
        return restart_step(self.klippy_state)
