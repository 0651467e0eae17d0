"""What all power devices share: macros, Klipper's state, queued jobs, the clients.

Each device runs as a supervised service of its own (`device.py`); `serve` here follows Klipper and
the job queue for all of them, and ends when cancelled.
"""

import logging
from collections.abc import Sequence

import trio

from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.klippy.events import Disconnected, Identified, Ready, Shutdown, Started
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.power.states import read_remote_state
from nurseries.power.device import PowerDevice
from nurseries.power.endpoints import PowerEndpoints, shown

logger = logging.getLogger(__name__)
REMOTE_METHOD = "set_device_power"
# Changes of Klipper's state: few within a second.
EVENTS = 64


class Power:
    """All devices, in the order of the configuration."""

    def __init__(
        self, devices: Sequence[PowerDevice], klippy: KlippyPort, clients: Clients
    ) -> None:
        self._devices = {device.name: device for device in devices}
        self._klippy = klippy
        self._clients = clients
        self._jobs_queued = trio.Event()
        klippy.register_remote_method(REMOTE_METHOD, self._call)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return PowerEndpoints(self._devices).endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow Klipper and the queue."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._switch_on_for_jobs, name="power for queued jobs")
            kinds = (Identified, Started, Ready, Shutdown, Disconnected)
            with self._klippy.open_events("power", EVENTS, *kinds) as events:
                task_status.started()
                # What was told before that is to be seen from the state alone.
                self._on_klippy(is_shutdown=self._klippy.klippy_state == "shutdown")
                async for event in events:
                    is_shutdown = isinstance(event, Shutdown) or event == Started("shutdown")
                    self._on_klippy(is_shutdown=is_shutdown)

    def _on_klippy(self, *, is_shutdown: bool) -> None:
        for device in self._devices.values():
            device.on_klippy()
            if is_shutdown:
                device.on_klippy_shutdown()

    # Jobs

    @property
    def switches_on_for_jobs(self) -> bool:
        """Whether a queued job switches anything on."""
        return any(device.facts.on_when_job_queued for device in self._devices.values())

    def on_jobs_added(self) -> None:
        """Jobs were queued."""
        self._jobs_queued.set()

    async def _switch_on_for_jobs(self) -> None:
        while True:
            await self._jobs_queued.wait()
            # Jobs that are queued while devices answer are told by the next one.
            self._jobs_queued = trio.Event()
            for device in self._devices.values():
                if device.facts.on_when_job_queued:
                    await device.try_on("for a queued job")

    # Macros and clients

    def _call(self, device: object, state: object, force: object = False) -> None:
        """`set_device_power`; called in the link's reader, so the device's task does it."""
        found = self._devices.get(str(device))
        if found is None:
            logger.warning("%s: there is no power device %r", REMOTE_METHOD, str(device)[:60])
            return
        forced = force is True or str(force).lower() in ("true", "1")
        try:
            found.switch_later(read_remote_state(state), force=forced)
        except (ValueError, ClientError) as exc:
            logger.warning("%s of %s: %s", REMOTE_METHOD, found.name, exc)

    def told(self, device: PowerDevice) -> None:
        """A device has changed."""
        self._clients.broadcast_behind_answer("notify_power_changed", [shown(device)])
