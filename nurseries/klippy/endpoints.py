"""printer.*: restart and print, which exist whether Klipper runs or not."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, post
from mrk.api.outcome import AskedOther, HeldBack
from mrk.klippy.klippy_protocols import KlippyRequests
from nurseries.klippy.gcode import PrinterGcode


class PrintStartParams(msgspec.Struct, frozen=True):
    """`filename` is relative to the gcodes root."""

    filename: str


class WaitingPrints(Protocol):
    """Files that wait for a printer that is being switched on."""

    @property
    def may_wait(self) -> bool:
        """Whether there can be any."""

    async def is_queued(self, filename: str) -> bool:
        """Whether a file is the next to be printed."""


class PrinterEndpoints:
    """The declarations and handlers."""

    def __init__(self, klippy: KlippyRequests, gcode: PrinterGcode) -> None:
        self._klippy = klippy
        self._gcode = gcode
        self.waiting: WaitingPrints | None = None

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            post(
                "/printer/restart",
                self.restart,
                "Restart the printer host software.",
                Access.OPERATE,
                result=str,
            ),
            post(
                "/printer/firmware_restart",
                self.firmware_restart,
                "Restart the printer host software and reset the micro-controllers.",
                Access.OPERATE,
                result=str,
            ),
            post(
                "/printer/print/start",
                self.print_start,
                "Print a file; answers as soon as the printer accepted it.",
                Access.OPERATE,
                PrintStartParams,
                str,
            ),
            post(
                "/printer/print/pause",
                self.print_pause,
                "Pause the print.",
                Access.OPERATE,
                result=str,
            ),
            post(
                "/printer/print/resume",
                self.print_resume,
                "Resume the print.",
                Access.OPERATE,
                result=str,
            ),
            post(
                "/printer/print/cancel",
                self.print_cancel,
                "Cancel the print.",
                Access.OPERATE,
                result=str,
            ),
        ]

    def restart(self, _params: NoParams, _caller: Caller) -> AskedOther:
        """RESTART; that the link drops meanwhile is the normal course."""
        return self._gcode.asking_restart("RESTART")

    def firmware_restart(self, _params: NoParams, _caller: Caller) -> AskedOther:
        """FIRMWARE_RESTART."""
        return self._gcode.asking_restart("FIRMWARE_RESTART")

    def print_start(self, params: PrintStartParams, caller: Caller) -> AskedOther | HeldBack:
        """The file's existence is for Klipper to check. Slicers ask once more after an upload."""
        may_be_queued = self.waiting is not None and self.waiting.may_wait
        if may_be_queued or not self._gcode.starts_at_once:
            name, user = params.filename, caller.user
            return HeldBack(lambda release: self._start_print(name, user, release))
        return self._gcode.asking_start(params.filename, caller.user)

    async def _start_print(self, filename: str, user: str | None, sent: Callable[[], None]) -> str:
        if self.waiting is not None and await self.waiting.is_queued(filename):
            return "already queued"
        await self._gcode.start_print(filename, user, sent)
        return "ok"

    def print_pause(self, _params: NoParams, _caller: Caller) -> AskedOther:
        """Answers when PAUSE, or the macro in its place, has finished."""
        return self._klippy.asking("pause_resume/pause", {})

    def print_resume(self, _params: NoParams, _caller: Caller) -> AskedOther:
        """Answers when RESUME has finished."""
        return self._klippy.asking("pause_resume/resume", {})

    def print_cancel(self, _params: NoParams, _caller: Caller) -> AskedOther:
        """Answers when CANCEL_PRINT has finished."""
        return self._klippy.asking("pause_resume/cancel", {})
