"""Limits in the words of klipper_estimator's configuration file, both ways. Pure."""

from typing import Any

import msgspec

from mrk import foreign_json
from mrk.estimate.klipper_settings import LEAST, MOST, LimitsUnknown
from mrk.estimate.printer_limits import (
    DEFAULT_LIMITS,
    Extruder,
    PrinterLimits,
    Retraction,
)
from mrk.foreign_json import NotJson

_Z_AXIS = [0, 0, 1]


def estimator_config(limits: PrinterLimits) -> dict[str, Any]:
    """What `klipper_estimator dump-config` prints for a printer."""
    extruder = limits.extruders[0]
    config: dict[str, Any] = {
        "max_velocity": limits.max_velocity,
        "max_acceleration": limits.max_accel,
        "minimum_cruise_ratio": limits.minimum_cruise_ratio,
        "square_corner_velocity": limits.square_corner_velocity,
        "instant_corner_velocity": extruder.instant_corner_velocity,
    }
    if limits.arc_mm is not None:
        config["mm_per_arc_segment"] = limits.arc_mm
    if limits.retraction is not None:
        config["firmware_retraction"] = {**msgspec.to_builtins(limits.retraction), "lift_z": 0.0}
    config["move_checkers"] = [
        {
            "axis_limiter": {
                "axis": _Z_AXIS,
                "max_velocity": limits.max_z_velocity,
                "max_accel": limits.max_z_accel,
            }
        },
        {
            "extruder_limiter": {
                "max_velocity": extruder.max_velocity,
                "max_accel": extruder.max_accel,
            }
        },
    ]
    return config


def limits_of_config(text: bytes) -> PrinterLimits:
    """A configuration as JSON; what it leaves out is as klipper_estimator has it.

    Raises `LimitsUnknown`. Limits of X or Y alone are not planned with.
    """
    try:
        config = foreign_json.decode(text)
    except NotJson as exc:
        raise LimitsUnknown(f"the configuration is not JSON: {exc}") from exc
    if not isinstance(config, dict):
        raise LimitsUnknown("the configuration is not a JSON object")
    velocity, accel = (
        _number(config, "max_velocity", 100.0),
        _number(config, "max_acceleration", 100.0),
    )
    ratio = _number(config, "minimum_cruise_ratio", 0.5, least=0.0)
    if "minimum_cruise_ratio" not in config:
        ratio = 1.0 - min(1.0, _number(config, "max_accel_to_decel", accel / 2) / accel)
    checkers = _checkers(config)
    z, extruder = checkers.get("axis_limiter", {}), checkers.get("extruder_limiter", {})
    return msgspec.structs.replace(
        DEFAULT_LIMITS,
        max_velocity=velocity,
        max_accel=accel,
        minimum_cruise_ratio=min(ratio, 1.0 - LEAST),
        square_corner_velocity=_number(config, "square_corner_velocity", 5.0, least=0.0),
        max_z_velocity=_number(z, "max_velocity", MOST),
        max_z_accel=_number(z, "max_accel", MOST),
        arc_mm=_number(config, "mm_per_arc_segment", 1.0),
        retraction=_retraction(config),
        extruders=(
            Extruder(
                _number(extruder, "max_velocity", MOST),
                _number(extruder, "max_accel", MOST),
                _number(config, "instant_corner_velocity", 1.0, least=0.0),
            ),
        ),
    )


def _retraction(config: dict[str, Any]) -> Retraction | None:
    found = config.get("firmware_retraction")
    if not isinstance(found, dict):
        return None
    return Retraction(
        _number(found, "retract_length", 0.0, least=0.0),
        _number(found, "retract_speed", 20.0, least=1.0),
        _number(found, "unretract_extra_length", 0.0, least=0.0),
        _number(found, "unretract_speed", 10.0, least=1.0),
    )


def _checkers(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that limit Z and the extruder."""
    found: dict[str, dict[str, Any]] = {}
    checkers = config.get("move_checkers", [])
    for checker in checkers if isinstance(checkers, list) else []:
        for name, limits in checker.items() if isinstance(checker, dict) else ():
            if isinstance(limits, dict) and (
                name != "axis_limiter" or limits.get("axis") == _Z_AXIS
            ):
                found[name] = limits
    return found


def _number(options: dict[str, Any], option: str, default: float, least: float = LEAST) -> float:
    value = options.get(option, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= MOST:
        raise LimitsUnknown(
            f"{option}: {value!s:.60} (a number from {least:g} to {MOST:g} expected)"
        )
    return float(value)
