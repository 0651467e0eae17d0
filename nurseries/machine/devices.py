"""Reads USB devices and serial ports from sysfs and /dev.

Hold no state beyond names; block: call them in a thread, one at a time.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from mrk.machine.serial_ports import SerialDevice, Tty, exists, serial_device
from mrk.machine.usb import ATTRIBUTES, UsbDevice, class_of, product_of, usb_device, usb_location
from nurseries.machine.host_tree import HostTree
from nurseries.machine.usb_names import UsbNameFinder

_USB = "sys/bus/usb/devices"
_TTY = "sys/class/tty"
# Between a UART and its tty since Linux 6.5: a bus of its own, whose drivers say nothing.
_SERIAL_BASE = "serial-base"


def usb_location_of(tree: HostTree, device: Path) -> str | None:
    """`bus:device` of the USB device that a device hangs on; None when it hangs on none."""
    for folder in (device, *device.parents):
        location = usb_location(tree.read(folder / "busnum"), tree.read(folder / "devnum"))
        if location is not None:
            return location
    return None


class UsbReader:
    """USB devices by bus and number."""

    def __init__(self, tree: HostTree) -> None:
        self._tree = tree
        self._names = UsbNameFinder(tree)

    def read(self) -> list[UsbDevice]:
        """All of them; interfaces of devices, whose names hold a colon, are left out."""
        folders = [name for name in self._tree.names(_USB) if ":" not in name]
        found = [self._tree.attributes(f"{_USB}/{name}", ATTRIBUTES) for name in folders]
        names = self._names.find(
            {ids for attributes in found if (ids := product_of(attributes)) is not None},
            {of for attributes in found if (of := class_of(attributes)) is not None},
        )
        devices = [usb_device(attributes, names) for attributes in found]
        return sorted(
            (device for device in devices if device is not None),
            key=lambda device: (device.bus_num, device.device_num),
        )


def pyserial_ports() -> list[str]:
    """Paths of the ports that pyserial finds; it also knows Bluetooth and gadget ports."""
    from serial.tools.list_ports import comports

    return [port.device for port in comports()]


class SerialReader:
    """Serial ports: those with a device in sysfs, and what `list_ports` finds beyond."""

    def __init__(self, tree: HostTree, list_ports: Callable[[], Iterable[str]]) -> None:
        self._tree = tree
        self._list_ports = list_ports

    def read(self) -> list[SerialDevice]:
        """All of them, by name."""
        ttys = {name: self._tty(name) for name in self._tree.names(_TTY)}
        found = {name: tty for name, tty in ttys.items() if tty is not None}
        for path in self._list_ports():
            name = path.removeprefix("/dev/")
            if "/" not in name and ttys.get(name) is None:
                found[name] = Tty(name)
        by_path = self._tree.links_to("dev/serial/by-path")
        by_id = self._tree.links_to("dev/serial/by-id")
        return [
            serial_device(tty, by_path.get(name), by_id.get(name))
            for name, tty in sorted(found.items())
            if exists(tty)
        ]

    def _tty(self, name: str) -> Tty | None:
        """None for terminals, which have no device."""
        folder = f"{_TTY}/{name}"
        # Asked first: of the 70 ttys of a host, 64 are terminals.
        there = self._tree.exists(f"{folder}/device")
        device = self._tree.real(f"{folder}/device") if there else None
        if device is None:
            return None
        return Tty(
            name=name,
            driver=self._driver(device),
            usb_location=usb_location_of(self._tree, device),
            is_uart=self._tree.exists(f"{folder}/type"),
            port_type=self._tree.read(f"{folder}/type"),
        )

    def _driver(self, device: Path) -> str | None:
        while self._tree.link_name(device / "subsystem") == _SERIAL_BASE:
            device = device.parent
        return self._tree.link_name(device / "driver")
