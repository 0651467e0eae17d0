"""Finds TD-1s on USB and keeps a task for each.

`serve` looks every 5 s, and ends when cancelled.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

from config.settings.td1 import Td1Settings
from mrk.log.throttle import LogThrottle
from mrk.serial.serial_protocols import SerialError, SerialPorts
from mrk.subsystem import Additions, Needs, Service
from nurseries.td1.device import ANSWER_S, ShownTd1, Td1Device
from nurseries.td1.endpoints import Td1Endpoints
from nurseries.td1.ports import Td1Port, find_ports

logger = logging.getLogger(__name__)
LOOK_S = 5.0
MOST_DEVICES = 16


class _Running(msgspec.Struct, eq=False):
    scope: trio.CancelScope
    device: Td1Device | None = None


class Td1s:
    """All devices by USB serial number. `find` blocks."""

    def __init__(
        self,
        ports: SerialPorts,
        baudrate: int,
        *,
        find: Callable[[], list[Td1Port]] = find_ports,
        look_s: float = LOOK_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._ports = ports
        self._baudrate = baudrate
        self._find = find
        self._look_s = look_s
        self._answer_s = answer_s
        self._running: dict[str, _Running] = {}
        self._throttle = LogThrottle()

    def shown(self) -> dict[str, ShownTd1]:
        """Those that have answered."""
        return {
            serial: one.device.shown
            for serial, one in self._running.items()
            if one.device is not None and one.device.shown is not None
        }

    async def reboot(self, serial: str) -> bool:
        """False for a device that is not there."""
        found = self._running.get(serial)
        if found is None or found.device is None or found.device.shown is None:
            return False
        await found.device.reboot()
        return True

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look, and look again."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                found = await trio.to_thread.run_sync(self._find, abandon_on_cancel=True)
                self._compare(found[:MOST_DEVICES], nursery)
                await trio.sleep(self._look_s)

    def _compare(self, found: list[Td1Port], nursery: trio.Nursery) -> None:
        there = {port.serial for port in found}
        for serial, one in self._running.items():
            if serial not in there:
                one.scope.cancel()
        for port in found:
            if port.serial not in self._running:
                running = self._running[port.serial] = _Running(trio.CancelScope())
                nursery.start_soon(self._run, port, running, name=f"td1 {port.serial}")

    async def _run(self, port: Td1Port, running: _Running) -> None:
        """One connection; whatever ends it, the next look may begin another."""
        try:
            with running.scope:
                async with self._ports.opened(Path(port.path), self._baudrate) as opened:
                    running.device = Td1Device(opened, answer_s=self._answer_s)
                    logger.info("TD-1 %s at %s", port.serial, port.path)
                    await running.device.serve()
        except (SerialError, trio.TooSlowError) as exc:
            self._throttle.log(
                logger, f"TD-1 {port.serial}: {exc}", trio.current_time(), level=logging.ERROR
            )
        finally:
            del self._running[port.serial]


def build(settings: Td1Settings, needs: Needs, additions: Additions) -> None:
    """For `[td1]`."""
    devices = Td1s(needs.serial, settings.baudrate)
    endpoints = Td1Endpoints(devices.shown, devices.reboot).endpoints()
    additions.services.append(Service("td1", devices.serve, endpoints))
