"""What displays, meters and light strips need of serial ports.

`nurseries/serial_ports` opens them.
"""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from mrk.errors import Transient


class SerialError(Transient):
    """A port cannot be opened, or is lost; the text names it. Trying again is right."""


class SerialPort(Protocol):
    """An open port; the caller puts deadlines round its calls. Both raise `SerialError`."""

    async def receive(self) -> bytes:
        """What has come; waits until there is something."""

    async def send(self, data: bytes) -> None:
        """Returns when the system has taken all of it."""


class SerialPorts(Protocol):
    """Opens serial ports and pseudo-terminals."""

    def opened(self, path: Path, baud: int) -> AbstractAsyncContextManager[SerialPort]:
        """A block in which a port is open, at 8 bits without parity, and nobody else's.

        Raises `SerialError`, also when opening takes too long.
        """
