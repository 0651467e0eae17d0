"""Which serial ports are TD-1s. Blocks."""

from typing import NamedTuple

VENDOR, PRODUCT = 0xE4B2, 0x0045


class Td1Port(NamedTuple):
    """Where a device is, and its USB serial number."""

    path: str
    serial: str


def find_ports() -> list[Td1Port]:
    """The TD-1s that are plugged in; those without a serial number cannot be told apart."""
    from serial.tools.list_ports import comports

    return [
        Td1Port(port.device, port.serial_number)
        for port in comports()
        if (port.vid, port.pid) == (VENDOR, PRODUCT) and port.serial_number
    ]
