"""One TD-1 from its opening to its loss, or to its reboot.

`serve` ends when cancelled, when the line is lost (`SerialError`), or after a reboot. All waits
have limits.
"""

from datetime import UTC, datetime

import msgspec
import trio

from mrk.serial.lines import LineCutter
from mrk.serial.serial_protocols import SerialPort
from mrk.td1.lines import NO_ERRORS, READY, read_count, read_scan

ANSWER_S = 5.0


class ShownTd1(msgspec.Struct, frozen=True):
    """As clients see it; `scan_time` is that of the connection before the first scan."""

    td: float | None
    color: str | None
    scan_time: str
    error: str | None


class Td1Device:
    """`shown` is None until the device has answered."""

    def __init__(self, port: SerialPort, *, answer_s: float = ANSWER_S) -> None:
        self.shown: ShownTd1 | None = None
        self._port = port
        self._answer_s = answer_s
        self._cutter = LineCutter()
        self._lines: list[str] = []
        self._reading: trio.CancelScope | None = None
        self._rebooted = trio.Event()

    async def serve(self) -> None:
        """Ask for its errors, then read measurements."""
        try:
            error = await self._errors()
            self.shown = ShownTd1(None, None, self._time(), error)
            with trio.CancelScope() as self._reading:
                await self._read_scans()
            await self._reboot()
        finally:
            self._reading = None
            self._rebooted.set()

    async def reboot(self) -> None:
        """Have it restart; returns when it has been told, or after two limits."""
        if self._reading is not None:
            self._reading.cancel()
        with trio.move_on_after(3 * self._answer_s):
            await self._rebooted.wait()

    async def _errors(self) -> str | None:
        """What the device remembers of its errors; asks until it answers."""
        while True:
            await self._send("retrieve file")
            await self._send("errors.txt")
            with trio.move_on_after(self._answer_s):
                while True:
                    line = await self._line()
                    if line == NO_ERRORS:
                        return None
                    if line == READY:
                        return await self._error_file()

    async def _error_file(self) -> str | None:
        found: list[str] = []
        with trio.move_on_after(self._answer_s):
            await self._line()  # its size
            for _ in range(read_count(await self._line()) or 0):
                await self._line()  # the block's size
                found.append(await self._line())
                await self._send(READY)
        return "\n".join(found) or None

    async def _read_scans(self) -> None:
        while True:
            scan = read_scan(await self._line())
            if scan is not None and self.shown is not None:
                error = self.shown.error
                self.shown = ShownTd1(scan.td, scan.color, self._time(), error)

    async def _reboot(self) -> None:
        with trio.move_on_after(self._answer_s):
            await self._send("change settings")
            if await self._line() == READY:
                await self._send("RGB_Enabled = True")
                await self._send("done")
                await self._line()

    async def _send(self, line: str) -> None:
        with trio.fail_after(self._answer_s):
            await self._port.send(line.encode() + b"\n")

    async def _line(self) -> str:
        """The next line that is not empty; raises `SerialError` at the end."""
        while True:
            while self._lines:
                line = self._lines.pop(0).strip()
                if line:
                    await trio.lowlevel.checkpoint()
                    return line
            self._lines += self._cutter.feed(await self._port.receive())

    def _time(self) -> str:
        return datetime.now(UTC).isoformat().replace("+00:00", "Z")
