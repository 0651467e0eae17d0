"""Idle, Ready or Printing: the object `idle_timeout` (`klippy/extras/idle_timeout.py`).

Any planned motion makes it Printing; half a second after the last one it is Ready; after the time
of SET_IDLE_TIMEOUT heaters and motors go off and it is Idle. Owned by `Klippy`.
"""

import contextlib
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.toolhead import Toolhead
from mrk.virtual_printer.reactor import Reactor, Task

READY_S = 0.5
CHECK_S = 0.25


class IdleTimeout:
    """Watches the toolhead from a reactor task."""

    def __init__(self, reactor: Reactor, gcode: GCode, toolhead: Toolhead) -> None:
        self._reactor = reactor
        self._gcode = gcode
        self._toolhead = toolhead
        self.state = "Idle"
        self._since = reactor.now
        self._idle_timeout_s = 36000.0
        gcode.register("SET_IDLE_TIMEOUT", self._cmd_set, "Set the idle timeout in seconds")

    def start(self) -> None:
        """Begin to watch, when Klippy is ready."""
        self._enter("Ready")
        self._toolhead.on_sync.append(self._note_motion)
        self._reactor.spawn(self._watch())

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object `idle_timeout`."""
        printing_s = eventtime - self._since if self.state == "Printing" else 0.0
        return {
            "state": self.state,
            "printing_time": printing_s,
            "idle_timeout": self._idle_timeout_s,
        }

    def _enter(self, state: str) -> None:
        self.state = state
        self._since = self._reactor.now

    def _note_motion(self) -> None:
        if self.state != "Printing":
            self._enter("Printing")

    def _watch(self) -> Task:
        while True:
            if self.state == "Printing" and not self._is_moving():
                self._enter("Ready")
            elif self.state == "Ready" and self._is_idle():
                yield from self._go_idle()
            yield self._reactor.now + CHECK_S

    def _is_moving(self) -> bool:
        toolhead = self._toolhead
        now = toolhead.estimated_print_time(self._reactor.now)
        return not (
            toolhead.is_empty
            and now >= toolhead.print_time + READY_S
            and not self._gcode.mutex.locked
        )

    def _is_idle(self) -> bool:
        return self._reactor.now - self._since >= self._idle_timeout_s

    def _go_idle(self) -> Task:
        with contextlib.suppress(CommandError):
            yield from self._gcode.run_script("TURN_OFF_HEATERS\nM84")
        self._enter("Idle")

    def _cmd_set(self, command: GCodeCommand) -> None:
        self._idle_timeout_s = command.get_float("TIMEOUT", 36000.0, above=0.0)
        self._gcode.respond_info(f"idle_timeout: Timeout set to {self._idle_timeout_s:.2f} s")
