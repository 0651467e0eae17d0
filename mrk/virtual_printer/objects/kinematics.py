"""A cartesian printer's axes: bounds, homing, motors on and off, and where the carriages stand.

`AxisHardware` is what outlives a RESTART: carriage places and temperatures. `Axes` refuses moves
(`klippy/kinematics/cartesian.py`) and runs G28 as a reactor task.
"""

from dataclasses import dataclass, field
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.gcode.gcode_move import GCodeMove
from mrk.virtual_printer.objects.planner import Move
from mrk.virtual_printer.objects.toolhead import Toolhead, move_refusal
from mrk.virtual_printer.printer_model import Axis, PrinterModel
from mrk.virtual_printer.reactor import Task

AMBIENT_C = 22.0
FILAMENT_MM2 = 2.405281875  # 1.75 mm across
STEPPERS = ("stepper_x", "stepper_y", "stepper_z", "extruder")


@dataclass(slots=True)
class AxisHardware:
    """The printer as metal: carriage places in mm, temperatures in degrees C, variables on disk."""

    carriages: list[float] = field(default_factory=lambda: [62.5, 62.5, 8.0])
    temperatures: dict[str, float] = field(
        default_factory=lambda: {"extruder": AMBIENT_C, "heater_bed": AMBIENT_C}
    )
    variables: dict[str, Any] = field(default_factory=dict)
    mesh_profiles: dict[str, Any] = field(default_factory=dict)


class Axes:
    """Knows which axes are homed, and how far each reaches."""

    def __init__(
        self,
        gcode: GCode,
        toolhead: Toolhead,
        gcode_move: GCodeMove,
        hardware: AxisHardware,
        axes: tuple[Axis, Axis, Axis],
    ) -> None:
        self._axes = axes
        self._gcode = gcode
        self._toolhead = toolhead
        self._gcode_move = gcode_move
        self._hardware = hardware
        self.homed: set[int] = set()
        self.enabled = dict.fromkeys(STEPPERS, False)
        toolhead.on_move = self._note_move
        gcode.register("G28", self._cmd_g28)

    @property
    def homed_axes(self) -> str:
        """The letters of homed axes, in order."""
        return "".join("xyz"[index] for index in sorted(self.homed))

    def check(self, move: Move) -> None:
        """Refuse a move of an unhomed axis or one that leaves the travel."""
        end = move.end
        for index in range(3):
            if not move.direction[index]:
                continue
            axis = self._axes[index]
            if index not in self.homed:
                raise move_refusal("Must home axis first", end)
            if not axis.minimum <= end[index] <= axis.maximum:
                raise move_refusal("Move out of range", end)

    def motors_off(self) -> None:
        """Release all motors: nothing is homed afterwards."""
        self._toolhead.last_move_time()
        self.homed.clear()
        self.enabled = dict.fromkeys(STEPPERS, False)

    def force_homed(self, axes: str) -> None:
        """Take axes as homed where they are (SET_KINEMATIC_POSITION)."""
        self.homed.update("xyz".index(letter) for letter in axes)

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The part of the object `toolhead` that the kinematics decide."""
        return {
            "homed_axes": self.homed_axes,
            "axis_minimum": [axis.minimum for axis in self._axes] + [0],
            "axis_maximum": [axis.maximum for axis in self._axes] + [0],
        }

    def endstops(self) -> dict[str, bool]:
        """Whether each carriage stands on its endstop."""
        return {
            f"stepper_{'xyz'[index]}": self._hardware.carriages[index] <= axis.endstop + 1e-6
            for index, axis in enumerate(self._axes)
        }

    def _note_move(self, move: Move) -> None:
        for index, name in enumerate(STEPPERS):
            if move.direction[index]:
                self.enabled[name] = True
                if index < 3:
                    travelled = move.end[index] - move.start[index]
                    self._hardware.carriages[index] += travelled

    def _cmd_g28(self, command: GCodeCommand) -> Task:
        wanted = [index for index in range(3) if "XYZ"[index] in command.params]
        for index in wanted or range(3):
            yield from self._home(index)

    def _home(self, index: int) -> Task:
        """Run to the endstop, back off, touch it again at half the speed."""
        axis = self._axes[index]
        place = self._hardware.carriages
        speed = axis.homing_speed
        # Klipper believes it stands one and a half travels away, as its status shows meanwhile.
        travel = max(axis.maximum - axis.endstop, axis.endstop - axis.minimum)
        self.homed.add(index)
        self._set(index, axis.endstop + 1.5 * travel)
        yield from self._drive(index, max(place[index] - axis.endstop, 0.0), speed)
        self._set(index, axis.endstop)
        place[index] = axis.endstop
        yield from self._drive(index, -axis.retract, speed)
        self._set(index, axis.endstop + 2.0 * axis.retract)
        yield from self._drive(index, axis.retract, speed / 2.0)
        self._set(index, axis.endstop)
        place[index] = axis.endstop
        self._gcode_move.on_homed("xyz"[index])

    def _set(self, index: int, value: float) -> None:
        position = list(self._toolhead.position)
        position[index] = value
        self._toolhead.set_position((position[0], position[1], position[2], position[3]))
        self._toolhead.forget_history()
        self._gcode_move.reset_last_position()

    def _drive(self, index: int, distance: float, speed: float) -> Task:
        """Move towards the endstop by `distance` mm, unchecked, and wait for the end."""
        toolhead = self._toolhead
        if not distance:
            return
        end = list(toolhead.position)
        end[index] -= distance
        checked, toolhead.check = toolhead.check, lambda move: None
        try:
            toolhead.move((end[0], end[1], end[2], end[3]), speed)
        finally:
            toolhead.check = checked
        yield from toolhead.wait_moves()
        if toolhead.is_stopped:
            raise CommandError("Homing failed due to printer shutdown")


def extrude_refusal(move: Move, model: PrinterModel, *, can_extrude: bool) -> None:
    """Refuse extrusion that is cold, too long or too thick (`klippy/kinematics/extruder.py`)."""
    amount = move.end[3] - move.start[3]
    if not amount:
        return
    if not can_extrude:
        raise CommandError(
            "Extrude below minimum temp\nSee the 'min_extrude_temp' config option for details"
        )
    if not move.is_travel or amount < 0.0:
        if abs(amount) > 500.0:
            raise CommandError(
                f"Extrude only move too long ({abs(amount):.3f}mm vs 500.000mm)\n"
                "See the 'max_extrude_only_distance' config option for details"
            )
        return
    area = amount / move.length_mm * FILAMENT_MM2
    most = model.extrude_cross_section
    # A tiny amount may be as thick as it likes.
    if area > most and amount > model.nozzle_diameter * most / FILAMENT_MM2:
        raise CommandError(
            f"Move exceeds maximum extrusion ({area:.3f}mm^2 vs {most:.3f}mm^2)\n"
            "See the 'max_extrude_cross_section' config option for details"
        )
