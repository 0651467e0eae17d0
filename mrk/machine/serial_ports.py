"""Serial ports from what sysfs says of a tty.

Pure. Format: the kernel's Documentation/ABI/testing/sysfs-tty and drivers/tty/serial.
"""

import msgspec

from mrk.machine.attribute import number

# `type` of a port behind which no chip was found (PORT_UNKNOWN, linux/serial_core.h).
_NO_CHIP = 0
# The driver that reserves ttyS0 to ttyS3 whether they exist or not.
_LEGACY_DRIVER = "serial8250"


class SerialDevice(msgspec.Struct, frozen=True):
    """As `machine.peripherals.serial` lists it; `device_type`: hardware_uart, usb or unknown."""

    device_type: str
    device_path: str
    device_name: str
    driver_name: str
    path_by_hardware: str | None
    path_by_id: str | None
    usb_location: str | None


class Tty(msgspec.Struct, frozen=True):
    """A tty with a device behind it. `port_type` is the attribute `type`, which only UARTs have.

    `is_uart` says that the attribute is there, even if it may not be read.
    """

    name: str
    driver: str | None = None
    usb_location: str | None = None
    is_uart: bool = False
    port_type: bytes | None = None


def exists(tty: Tty) -> bool:
    """Whether there is hardware behind it. What cannot be told of a legacy port is no."""
    if not tty.is_uart:
        return True
    kind = number(tty.port_type)
    return tty.driver != _LEGACY_DRIVER if kind is None else kind != _NO_CHIP


def serial_device(tty: Tty, by_path: str | None, by_id: str | None) -> SerialDevice:
    """Describe one; the paths are links under /dev/serial."""
    if tty.usb_location is not None:
        device_type = "usb"
    else:
        device_type = "hardware_uart" if tty.is_uart else "unknown"
    return SerialDevice(
        device_type=device_type,
        device_path=f"/dev/{tty.name}",
        device_name=tty.name,
        driver_name=tty.driver or "unknown",
        path_by_hardware=by_path,
        path_by_id=by_id,
        usb_location=tty.usb_location,
    )
