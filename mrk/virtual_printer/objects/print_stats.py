"""How long a print lasts and what it uses: `print_stats`, as in `klippy/extras/print_stats.py`.

Told by `virtual_sdcard.py` when a print starts, pauses and ends. Owned by `Klippy`.
"""

from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.gcode.gcode_move import GCodeMove
from mrk.virtual_printer.reactor import Reactor


class PrintStatsObject:
    """Durations in seconds of eventtime, filament in mm as the g-code asked for it."""

    def __init__(self, reactor: Reactor, gcode: GCode, gcode_move: GCodeMove) -> None:
        self._reactor = reactor
        self._gcode_move = gcode_move
        self.reset()
        gcode.register(
            "SET_PRINT_STATS_INFO",
            self._cmd_info,
            "Pass slicer info like layer act and total to klipper",
        )

    def reset(self) -> None:
        """Forget the print."""
        self.filename = ""
        self.state = "standby"
        self._message = ""
        self._started_at: float | None = None
        self._paused_at: float | None = None
        self._paused_s = 0.0
        self._total_s = 0.0
        self._before_filament_s = 0.0
        self._filament_mm = 0.0
        self._last_e = 0.0
        self._total_layer: int | None = None
        self._current_layer: int | None = None

    def note_start(self) -> None:
        """The file begins or goes on."""
        now = self._reactor.now
        if self._started_at is None:
            self._started_at = now
        elif self._paused_at is not None:
            self._paused_s += now - self._paused_at
            self._paused_at = None
        self._last_e = self._gcode_move.extruder_position
        self.state = "printing"
        self._message = ""

    def note_pause(self) -> None:
        """The file stands still."""
        if self._paused_at is None:
            self._paused_at = self._reactor.now
            self._count_filament()
        if self.state != "error":
            self.state = "paused"

    def note_end(self, state: str, message: str = "") -> None:
        """The print is `complete`, `cancelled` or in `error`."""
        if self._started_at is None:
            return
        self.state = state
        self._message = message
        now = self._reactor.now
        # Klipper does not count here: what was extruded since somebody asked is missing.
        if self._paused_at is not None:
            self._paused_s += now - self._paused_at
            self._paused_at = None
        self._total_s = now - self._started_at
        if self._filament_mm < 1e-7:
            self._before_filament_s = self._total_s - self._paused_s
        self._started_at = None

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object `print_stats`; print_duration counts from the first filament."""
        paused_s = self._paused_s
        if self._started_at is not None:
            if self._paused_at is not None:
                paused_s += eventtime - self._paused_at
            else:
                self._count_filament()
            self._total_s = eventtime - self._started_at
            if self._filament_mm < 1e-7:
                self._before_filament_s = self._total_s - paused_s
        return {
            "filename": self.filename,
            "total_duration": self._total_s,
            "print_duration": self._total_s - self._before_filament_s - paused_s,
            "filament_used": self._filament_mm,
            "state": self.state,
            "message": self._message,
            "info": {"total_layer": self._total_layer, "current_layer": self._current_layer},
        }

    def _count_filament(self) -> None:
        e = self._gcode_move.extruder_position
        self._filament_mm += (e - self._last_e) / self._gcode_move.extrude_factor
        self._last_e = e

    def _cmd_info(self, command: GCodeCommand) -> None:
        if "TOTAL_LAYER" in command.params:
            total = command.get_int("TOTAL_LAYER", minimum=0)
            self._total_layer = total or None
            if total and self._current_layer is None:
                self._current_layer = 0
            if not total:
                self._current_layer = None
        if self._total_layer is not None and "CURRENT_LAYER" in command.params:
            current = command.get_int("CURRENT_LAYER", minimum=0)
            self._current_layer = min(current, self._total_layer)
