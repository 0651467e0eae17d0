"""What the display shows: M73's progress and M117's message. Owned by `Klippy`.

Rules of `klippy/extras/display_status.py`.
"""

from collections.abc import Callable
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.reactor import Reactor

M73_HOLDS_S = 5.0


class DisplayStatus:
    """M73 wins over the file's progress while printing, and for five seconds otherwise."""

    def __init__(
        self,
        reactor: Reactor,
        gcode: GCode,
        file_progress: Callable[[], float],
        is_printing: Callable[[], bool],
    ) -> None:
        self._reactor = reactor
        self._file_progress = file_progress
        self._is_printing = is_printing
        self._message: str | None = None
        self._progress: float | None = None
        self._until = 0.0
        gcode.register("M73", self._cmd_m73)
        gcode.register("M117", self._cmd_m117)
        gcode.register("SET_DISPLAY_TEXT", self._cmd_text, "Set or clear the display message")

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object `display_status`."""
        if self._progress is not None and self._until < eventtime and not self._is_printing():
            self._progress = None
        progress = self._file_progress() if self._progress is None else self._progress
        return {"progress": progress, "message": self._message}

    def _cmd_m73(self, command: GCodeCommand) -> None:
        progress = command.get_float("P", 0.0) / 100.0
        self._progress = min(max(progress, 0.0), 1.0)
        self._until = self._reactor.now + M73_HOLDS_S

    def _cmd_m117(self, command: GCodeCommand) -> None:
        self._message = command.rest or None

    def _cmd_text(self, command: GCodeCommand) -> None:
        self._message = command.params.get("MSG") or None
