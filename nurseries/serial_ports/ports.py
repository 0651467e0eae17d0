"""Opens serial ports as streams under Trio: raw, 8N1, any speed, for one process at a time.

Owns no task; a port is closed by leaving its block. pyserial is loaded at the first opening.
"""

import os
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from mrk.serial.serial_protocols import SerialError

OPEN_S = 5.0
_READ_BYTES = 4096


class OpenedSerialPort:
    """Implements `SerialPort`."""

    def __init__(self, path: Path, stream: trio.lowlevel.FdStream) -> None:
        self._path = path
        self._stream = stream

    async def receive(self) -> bytes:
        try:
            data = await self._stream.receive_some(_READ_BYTES)
        except (trio.BrokenResourceError, OSError) as exc:
            raise SerialError(f"{self._path} is lost: {exc.__cause__ or exc}") from exc
        if not data:
            raise SerialError(f"{self._path} is lost")
        return bytes(data)

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, OSError) as exc:
            raise SerialError(f"{self._path} is lost: {exc.__cause__ or exc}") from exc


class SystemSerialPorts:
    """Implements `SerialPorts`."""

    @asynccontextmanager
    async def opened(self, path: Path, baud: int) -> AsyncIterator[OpenedSerialPort]:
        try:
            with trio.fail_after(OPEN_S):
                # Not abandoned: an opened descriptor would be lost with its thread.
                descriptor = await trio.to_thread.run_sync(partial(_open, path, baud))
        except (OSError, ValueError) as exc:
            raise SerialError(f"{path} cannot be opened: {exc}") from exc
        except trio.TooSlowError as exc:
            raise SerialError(f"{path} cannot be opened within {OPEN_S:g} s") from exc
        async with trio.lowlevel.FdStream(descriptor) as stream:
            yield OpenedSerialPort(path, stream)


def _open(path: Path, baud: int) -> int:
    """A descriptor of the port. Blocks, for a device that is slow to open. Raises OSError."""
    import serial

    try:
        with serial.Serial(str(path), baud, exclusive=True) as port:
            # pyserial's VMIN of 0 has a read without data look like the end of the line.
            settings = termios.tcgetattr(port.fileno())
            settings[6][termios.VMIN] = 1
            termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)
            # The settings and the lock stay with the open file; pyserial's own reading would block.
            return os.dup(port.fileno())
    except termios.error as exc:
        raise OSError(*exc.args) from exc
