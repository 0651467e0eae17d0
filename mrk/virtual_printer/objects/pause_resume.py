"""PAUSE, RESUME, CLEAR_PAUSE and CANCEL_PRINT (`klippy/extras/pause_resume.py`).

Owned by `Klippy`; the endpoints `pause_resume/*` run the same commands.
"""

from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.gcode.gcode_move import GCodeMove
from mrk.virtual_printer.objects.virtual_sdcard import VirtualSdcard
from mrk.virtual_printer.reactor import Task

RECOVER_VELOCITY = 50.0


class PauseResume:
    """Whether the print is paused, and whether a file was running when it was."""

    def __init__(self, gcode: GCode, gcode_move: GCodeMove, sdcard: VirtualSdcard) -> None:
        self._gcode = gcode
        self._gcode_move = gcode_move
        self._sdcard = sdcard
        self._is_paused = False
        self._sd_paused = False
        gcode.register("PAUSE", self._cmd_pause, "Pauses the current print")
        gcode.register("RESUME", self._cmd_resume, "Resumes the print from a pause")
        gcode.register(
            "CLEAR_PAUSE",
            self._cmd_clear,
            "Clears the current paused state without resuming the print",
        )
        gcode.register("CANCEL_PRINT", self._cmd_cancel, "Cancel the current print")

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `pause_resume`."""
        return {"is_paused": self._is_paused}

    def _cmd_pause(self, command: GCodeCommand) -> Task:
        if self._is_paused:
            self._gcode.respond_info("Print already paused")
            return
        if self._sdcard.is_active:
            self._sd_paused = True
            yield from self._sdcard.pause()
        else:
            self._sd_paused = False
            self._gcode.respond_info("action:paused")
        self._gcode_move.save("PAUSE_STATE")
        self._is_paused = True

    def _cmd_resume(self, command: GCodeCommand) -> None:
        if not self._is_paused:
            self._gcode.respond_info("Print is not paused, resume aborted")
            return
        speed = command.get_float("VELOCITY", RECOVER_VELOCITY)
        self._gcode_move.restore("PAUSE_STATE", move=True, speed=speed)
        self._is_paused = False
        if self._sd_paused:
            self._sd_paused = False
            self._sdcard.resume()
        else:
            self._gcode.respond_info("action:resumed")

    def _cmd_clear(self, command: GCodeCommand) -> None:
        self._is_paused = self._sd_paused = False

    def _cmd_cancel(self, command: GCodeCommand) -> Task:
        if self._sdcard.is_active or self._sd_paused:
            yield from self._sdcard.cancel()
        else:
            self._gcode.respond_info("action:cancel")
        self._is_paused = self._sd_paused = False
