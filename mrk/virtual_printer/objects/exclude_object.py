"""Leaving out objects of a print: `exclude_object`, a filter between g-code and toolhead.

Moves inside an excluded object end here; the first move outside goes on from where the toolhead
really stands (`klippy/extras/exclude_object.py`). Owned by `Klippy`.
"""

import json
from collections.abc import Callable
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.planner import Position
from mrk.virtual_printer.objects.toolhead import Toolhead


class ExcludeObject:
    """The objects of the present file, and a `MoveTarget` that skips excluded ones."""

    def __init__(self, gcode: GCode, toolhead: Toolhead) -> None:
        self._gcode = gcode
        self._toolhead = toolhead
        self._position: Position | None = None
        self._skipped_e = 0.0
        self.is_printing: Callable[[], bool] = lambda: True
        self.reset()

    def register(self) -> None:
        """Add the commands; apart from the constructor to keep Klipper's order of commands."""
        register = self._gcode.register
        register(
            "EXCLUDE_OBJECT_START",
            self._cmd_start,
            "Marks the beginning the current object as labeled",
        )
        register("EXCLUDE_OBJECT_END", self._cmd_end, "Marks the end the current object")
        register("EXCLUDE_OBJECT", self._cmd_exclude, "Cancel moves inside a specified objects")
        register("EXCLUDE_OBJECT_DEFINE", self._cmd_define, "Provides a summary of an object")

    def reset(self) -> None:
        """Forget all objects, as a new file does."""
        self._objects: list[dict[str, Any]] = []
        self._excluded: list[str] = []
        self._current: str | None = None

    def get_position(self) -> Position:
        """The end of the last move as the g-code wanted it."""
        if self._position is not None:
            return self._position
        x, y, z, e = self._toolhead.position
        return x, y, z, e + self._skipped_e

    def move(self, end: Position, speed: float) -> None:
        """Pass a move on, or only remember it inside an excluded object."""
        if self._current is not None and self._current in self._excluded:
            self._skipped_e += end[3] - self.get_position()[3]
            self._position = end
            return
        self._position = None
        self._toolhead.move((end[0], end[1], end[2], end[3] - self._skipped_e), speed)

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `exclude_object`."""
        return {
            "objects": [dict(found) for found in self._objects],
            "excluded_objects": self._excluded[:],
            "current_object": self._current,
        }

    def _add(self, definition: dict[str, Any]) -> None:
        self._objects = sorted([*self._objects, definition], key=lambda found: found["name"])

    def _cmd_start(self, command: GCodeCommand) -> None:
        name = command.get("NAME").upper()
        if not any(found["name"] == name for found in self._objects):
            self._add({"name": name})
        self._current = name

    def _cmd_end(self, command: GCodeCommand) -> None:
        if self._current is None:
            self._gcode.respond_info("EXCLUDE_OBJECT_END called, but no object is currently active")
            return
        name = command.params.get("NAME", "").upper()
        if name and name != self._current:
            self._gcode.respond_info(
                f"EXCLUDE_OBJECT_END NAME={name} does not match the current object NAME="
                f"{self._current}"
            )
            return
        self._current = None

    def _cmd_exclude(self, command: GCodeCommand) -> None:
        name = command.params.get("NAME", "").upper()
        if "RESET" in command.params:
            self._excluded = [found for found in self._excluded if name and found != name]
        elif name:
            self._exclude(name)
        elif "CURRENT" in command.params:
            if self._current is None:
                raise CommandError("There is no current object to cancel")
            self._exclude(self._current)
        else:
            self._gcode.respond_info(f"Excluded objects: {' '.join(self._excluded)}")

    def _exclude(self, name: str) -> None:
        self._gcode.respond_info(f"Excluding object {name}")
        if name not in self._excluded:
            self._excluded = sorted([*self._excluded, name])

    def _cmd_define(self, command: GCodeCommand) -> None:
        params = dict(command.params)
        if "RESET" in params:
            self.reset()
            return
        name = params.pop("NAME", "").upper()
        if not name:
            self._gcode.respond_info(self._known("JSON" in params))
            return
        definition: dict[str, Any] = {"name": name}
        try:
            if "CENTER" in params:
                definition["center"] = json.loads(f"[{params.pop('CENTER')}]")
            if "POLYGON" in params:
                definition["polygon"] = json.loads(params.pop("POLYGON"))
        except ValueError as exc:
            raise CommandError(f"Error on '{command.line}': unable to parse: {exc}") from None
        definition.update((key.lower(), value) for key, value in params.items())
        self._add(definition)

    def _known(self, as_json: bool) -> str:
        if as_json:
            return f"Known objects: {json.dumps(self._objects)}"
        return "Known objects: " + " ".join(found["name"] for found in self._objects)
