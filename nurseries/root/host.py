"""The machine that mrk runs on, put together: services and power, description, peripherals.

The description shows the services, and the services ask it whether they are in a container.
"""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from config.settings.machine import MachineSettings
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.machine.bus import BusPort, Signal
from mrk.machine.host_access import HostAccess
from nurseries.klippy.link import KlippyLink
from nurseries.machine.canbus import CanbusQuery
from nurseries.machine.endpoints import HostEndpoints
from nurseries.machine.peripherals import Peripherals
from nurseries.machine.system_info import SystemInfoReader
from nurseries.process.host_commands import HostCommands
from nurseries.services.subsystem import Machine


class Host:
    """`machine` is a subsystem that runs; `endpoints` are of those that only answer.

    `simulated`: the printer is no real one, so the host is not to be switched off for it.
    """

    def __init__(
        self,
        settings: MachineSettings,
        data: Path,
        clients: Clients,
        commands: HostCommands,
        link: KlippyLink,
        is_printing: Callable[[], bool],
        request_restart: Callable[[], None],
        *,
        simulated: bool,
    ) -> None:
        self.machine = Machine(
            settings,
            data,
            clients,
            commands,
            link,
            is_printing,
            request_restart,
            self._in_container,
            link,
            simulated=simulated,
        )
        self.access = HostAccess() if simulated else HostAccess(_open_bus, self.machine.sudo)
        self._info = SystemInfoReader(self.machine)
        self._endpoints = HostEndpoints(self._info, Peripherals(commands), CanbusQuery())

    def _in_container(self) -> bool:
        return self._info.in_container()

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask of the host and of what is plugged into it."""
        return self._endpoints.endpoints()


def _open_bus(on_signal: Callable[[Signal], None]) -> AbstractAsyncContextManager[BusPort]:
    # Imported when somebody needs it: 0.7 MB.
    from nurseries.services.bus import open_bus
    from nurseries.services.systemd_dbus import DEFAULT_ADDRESS

    return open_bus(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or DEFAULT_ADDRESS, on_signal)
