"""What may differ between virtual printers: travel, limits, macros, and whether sensors flicker.

`RECORDED` is the printer that our recordings were made with, for tests; the demo has one of its own
(`demo_printer.py`). The differences appear in `configfile` as well.
"""

from dataclasses import dataclass
from typing import Any

from mrk.virtual_printer.gcode.macro import MacroSource


@dataclass(frozen=True, slots=True)
class Axis:
    """Travel in mm and homing speeds in mm/s; the endstop stands at `endstop`."""

    minimum: float
    maximum: float
    endstop: float
    homing_speed: float
    retract: float = 5.0


@dataclass(frozen=True, slots=True)
class PrinterModel:
    """Speeds in mm/s and mm/s^2; `max_extrude_cross_section` in mm^2, None for Klipper's default.

    Sensors err by at most `noise_c` degrees.
    """

    axes: tuple[Axis, Axis, Axis] = (
        Axis(0.0, 235.0, 0.0, 50.0),
        Axis(0.0, 235.0, 0.0, 50.0),
        Axis(-2.0, 250.0, 0.0, 10.0),
    )
    max_z_velocity: float = 15.0
    max_z_accel: float = 100.0
    nozzle_diameter: float = 0.4
    max_extrude_cross_section: float | None = None
    noise_c: float = 0.0
    macros: tuple[MacroSource, ...] = ()

    @property
    def extrude_cross_section(self) -> float:
        """The largest cross section of a line, in mm^2."""
        chosen = self.max_extrude_cross_section
        return 4.0 * self.nozzle_diameter**2 if chosen is None else chosen


RECORDED = PrinterModel()


def written_options(model: PrinterModel) -> dict[str, dict[str, Any]]:
    """Section to option to value: what the model writes into printer.cfg."""
    found: dict[str, dict[str, Any]] = {
        "printer": {"max_z_velocity": model.max_z_velocity, "max_z_accel": model.max_z_accel}
    }
    for letter, axis in zip("xyz", model.axes, strict=True):
        found[f"stepper_{letter}"] = {
            "position_endstop": axis.endstop,
            "position_min": axis.minimum,
            "position_max": axis.maximum,
            "homing_speed": axis.homing_speed,
        }
    if model.max_extrude_cross_section is not None:
        section = {"max_extrude_cross_section": model.max_extrude_cross_section}
        found["extruder"] = section
    for macro in model.macros:
        found[f"gcode_macro {macro.name}"] = _macro_options(macro)
    return found


def derived_options(model: PrinterModel) -> dict[str, dict[str, Any]]:
    """What Klipper derives from those where nothing is written."""
    return {
        f"stepper_{letter}": {
            "second_homing_speed": axis.homing_speed / 2.0,
            "homing_retract_speed": axis.homing_speed,
            "homing_retract_dist": axis.retract,
        }
        for letter, axis in zip("xyz", model.axes, strict=True)
    }


def _macro_options(macro: MacroSource) -> dict[str, Any]:
    options: dict[str, Any] = {"description": macro.description}
    if macro.rename_existing is not None:
        options["rename_existing"] = macro.rename_existing
    options |= {f"variable_{name}": repr(value) for name, value in macro.variables.items()}
    return {**options, "gcode": "\n" + macro.gcode.strip("\n")}
