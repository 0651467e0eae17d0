"""A printer's limits out of Klipper's configuration.

Takes what `configfile.settings` shows (numbers, every default filled in) as well as the bare text
of a printer.cfg (words, with Klipper's defaults added here). What no plan can be made with is
named by section, option and value.
"""

import math
from collections.abc import Mapping
from typing import Any

from mrk.errors import MrkError
from mrk.estimate.printer_limits import (
    FILAMENT_MM,
    TOOLS_LIMIT,
    Extruder,
    PrinterLimits,
    Retraction,
    Slowdown,
    extrude_only_default,
)

Settings = Mapping[str, Mapping[str, Any]]
LEAST, MOST = 1e-6, 1e9
# klippy/kinematics/delta.py.
SLOW_RATIO = 3.0
_NOZZLE_MM = 0.4
_NO_Z_LIMITS = ("none", "winch")


class LimitsUnknown(MrkError):
    """The configuration does not say what a plan needs."""


def limits_of(settings: Settings) -> PrinterLimits:
    """Raises `LimitsUnknown`."""
    printer = settings.get("printer")
    if printer is None:
        raise LimitsUnknown("there is no section [printer]")
    read = _Reader("printer", printer)
    velocity, accel = read.number("max_velocity"), read.number("max_accel")
    kinematics = str(printer.get("kinematics", "cartesian")).lower()
    free = kinematics in _NO_Z_LIMITS
    ratio = read.number("minimum_cruise_ratio", 0.5, least=0.0)
    if "minimum_cruise_ratio" not in printer and "max_accel_to_decel" in printer:
        ratio = 1.0 - min(1.0, read.number("max_accel_to_decel") / accel)
    if ratio >= 1.0:
        raise read.wrong("minimum_cruise_ratio", ratio, "a number below 1")
    return PrinterLimits(
        max_velocity=velocity,
        max_accel=accel,
        minimum_cruise_ratio=ratio,
        square_corner_velocity=read.number("square_corner_velocity", 5.0, least=0.0),
        max_z_velocity=MOST if free else read.number("max_z_velocity", velocity),
        max_z_accel=MOST if free else read.number("max_z_accel", accel),
        z_ratio=kinematics != "rotary_delta",
        slowdown=_slowdown(kinematics, settings, read),
        arc_mm=_arc_mm(settings),
        retraction=_retraction(settings),
        extruders=_extruders(settings, velocity, accel),
    )


class _Reader:
    """Numbers of one section."""

    def __init__(self, section: str, options: Mapping[str, Any]) -> None:
        self._section = section
        self._options = options

    def number(self, option: str, default: float | None = None, least: float = LEAST) -> float:
        value = self._options.get(option, default)
        if value is None:
            raise LimitsUnknown(f"[{self._section}] {option} is missing")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise self.wrong(option, value, "a number") from None
        if not least <= number <= MOST:  # NaN is neither
            raise self.wrong(option, value, f"a number from {least:g} to {MOST:g}")
        return number

    def wrong(self, option: str, value: object, expected: str) -> LimitsUnknown:
        return LimitsUnknown(f"[{self._section}] {option}: {value!s:.60} ({expected} expected)")


def _extruders(settings: Settings, velocity: float, accel: float) -> tuple[Extruder, ...]:
    """`extruder`, `extruder1` and so on, up to the first number that is not there."""
    found: list[Extruder] = []
    for index in range(TOOLS_LIMIT):
        name = f"extruder{index or ''}"
        if name not in settings and found:
            break
        read = _Reader(name, settings.get(name, {}))
        nozzle = read.number("nozzle_diameter", _NOZZLE_MM)
        area = math.pi * (read.number("filament_diameter", FILAMENT_MM) / 2) ** 2
        found.append(
            Extruder(
                read.number(
                    "max_extrude_only_velocity", extrude_only_default(velocity, nozzle, area)
                ),
                read.number("max_extrude_only_accel", extrude_only_default(accel, nozzle, area)),
                read.number("instantaneous_corner_velocity", 1.0, least=0.0),
                area,
            )
        )
    return tuple(found)


def _arc_mm(settings: Settings) -> float | None:
    options = settings.get("gcode_arcs")
    return None if options is None else _Reader("gcode_arcs", options).number("resolution", 1.0)


def _retraction(settings: Settings) -> Retraction | None:
    options = settings.get("firmware_retraction")
    if options is None:
        return None
    read = _Reader("firmware_retraction", options)
    return Retraction(
        read.number("retract_length", 0.0, least=0.0),
        read.number("retract_speed", 20.0, least=1.0),
        read.number("unretract_extra_length", 0.0, least=0.0),
        read.number("unretract_speed", 10.0, least=1.0),
    )


def _slowdown(kinematics: str, settings: Settings, read: _Reader) -> Slowdown | None:
    """Rules of single kinematics; what the configuration leaves open slows nothing."""
    try:
        if kinematics == "delta":
            return _delta(settings, read)
        if kinematics == "deltesian":
            return _deltesian(settings, read)
    except (LimitsUnknown, ValueError):
        return None
    if kinematics == "polar" and read.number("max_angular_velocity", 0.0, least=0.0):
        return Slowdown("turn", read.number("max_angular_velocity"))
    return None


def _delta(settings: Settings, read: _Reader) -> Slowdown:
    """Where an XY move makes a tower go more than three times, or six times, as fast."""
    towers = [
        _Reader(f"stepper_{name}", settings.get(f"stepper_{name}", {})) for name in ("a", "b", "c")
    ]
    radius = read.number("delta_radius")
    first_arm = towers[0].number("arm_length")
    arm = min(tower.number("arm_length", first_arm) for tower in towers)
    steps = [
        tower.number("rotation_distance", 40.0)
        / tower.number("full_steps_per_rotation", 200.0)
        / tower.number("microsteps", 16.0)
        for tower in towers
    ]
    half_step = min(steps) * 0.5

    def beyond(ratio: float) -> float:
        height = math.sqrt(arm**2 / (ratio**2 + 1.0) - half_step**2)
        return (ratio * height + half_step - radius) ** 2

    return Slowdown("radius", beyond(SLOW_RATIO), beyond(2.0 * SLOW_RATIO))


def _deltesian(settings: Settings, read: _Reader) -> Slowdown | None:
    ratio2 = read.number("slow_ratio", SLOW_RATIO, least=0.0) ** 2
    if not ratio2:
        return None
    arms = [
        (side.number("arm_length"), side.number("arm_x_length"))
        for side in (
            _Reader(name, settings.get(name, {})) for name in ("stepper_left", "stepper_right")
        )
    ]

    def beyond(squared: float) -> float:
        return min(math.sqrt(squared * a**2 / (squared + 1)) - x for a, x in arms) ** 2

    return Slowdown("x", beyond(ratio2), beyond(2 * ratio2))
