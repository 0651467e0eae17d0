"""Serial ports: which of them are TD-1s, and one of them opened as a stream. Both block."""

import os
import termios
from typing import NamedTuple

import trio

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


def open_port(path: str, baudrate: int) -> int:
    """A descriptor of the line, set to 8N1 and nobody else's. Raises OSError."""
    import serial

    try:
        with serial.Serial(path, baudrate, exclusive=True) as port:
            # pyserial's VMIN of 0 has a read without data look like the end of the line.
            settings = termios.tcgetattr(port.fileno())
            settings[6][termios.VMIN] = 1
            termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)
            # The settings stay with the device; pyserial's own reading would block.
            return os.dup(port.fileno())
    except termios.error as exc:
        raise OSError(*exc.args) from exc


def stream_of(descriptor: int) -> trio.lowlevel.FdStream:
    """The stream that owns a descriptor."""
    return trio.lowlevel.FdStream(descriptor)
