"""The printer's metrics, from the status of printer objects that is known already.

`wanted` says which objects and fields a subscription needs; `printer_families` reads what is there.
Every value comes from Klipper or a fork of it: what has another type than expected is left out.
Names of fields are Klipper's (docs/Status_Reference.md there). Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mrk.metrics.family import (
    COUNTER,
    GAUGE,
    MetricFamily,
    Sample,
    by_label,
    is_label,
    number,
    single,
    states,
)

_HEATER = ("temperature", "target", "power")
_FAN = ("speed", "rpm")
_SENSOR = ("temperature", "humidity", "pressure")
_DRIVER = ("temperature", "run_current")
_FILAMENT = ("filament_detected", "enabled")
# Kind of object (the first word of its name) -> fields.
_FIELDS: dict[str, tuple[str, ...]] = {
    "extruder": (*_HEATER, "pressure_advance"),
    "heater_bed": _HEATER,
    "heater_generic": _HEATER,
    "temperature_sensor": ("temperature",),
    "temperature_fan": (*_HEATER, *_FAN),
    **dict.fromkeys(("fan", "heater_fan", "controller_fan", "fan_generic"), _FAN),
    **dict.fromkeys(
        ("aht10", "aht1x", "aht2x", "bme280", "htu21d", "lm75", "sht3x", "temperature_host"),
        _SENSOR,
    ),
    **dict.fromkeys(("tmc2130", "tmc2208", "tmc2209", "tmc2240", "tmc2660", "tmc5160"), _DRIVER),
    "filament_switch_sensor": _FILAMENT,
    "filament_motion_sensor": _FILAMENT,
    "output_pin": ("value",),
    "mcu": ("last_stats", "mcu_version"),
    "print_stats": (
        "state",
        "filename",
        "total_duration",
        "print_duration",
        "filament_used",
        "info",
    ),
    "virtual_sdcard": ("progress", "file_position", "file_size"),
    "pause_resume": ("is_paused",),
    "idle_timeout": ("state",),
    "toolhead": ("homed_axes",),
    "gcode_move": ("speed_factor", "extrude_factor"),
    "motion_report": ("live_velocity", "live_extruder_velocity"),
    "system_stats": ("sysload", "cputime", "memavail"),
}
_FANS = frozenset({"fan", "heater_fan", "controller_fan", "fan_generic", "temperature_fan"})
_KLIPPY_STATES = ("disconnected", "startup", "ready", "error", "shutdown")
_PRINT_STATES = ("standby", "printing", "paused", "complete", "cancelled", "error")
_IDLE_STATES = ("Idle", "Ready", "Printing")

StatusOf = Callable[[str], Mapping[str, Any]]


class _Row(NamedTuple):
    """A family of one field of many objects; `factor` leads to the base unit."""

    name: str
    field: str
    help: str
    kinds: frozenset[str] | None = None
    factor: float = 1


_OBJECT_ROWS = (
    _Row("klipper_temperature_celsius", "temperature", "Temperature of a heater or a sensor."),
    _Row("klipper_temperature_target_celsius", "target", "Temperature asked for; 0 is off."),
    _Row("klipper_heater_power_ratio", "power", "Power of a heater, 0 to 1."),
    _Row("klipper_humidity_ratio", "humidity", "Relative humidity, 0 to 1.", None, 0.01),
    _Row("klipper_pressure_pascals", "pressure", "Air pressure.", None, 100.0),
    _Row("klipper_fan_speed_ratio", "speed", "Speed of a fan, 0 to 1.", _FANS),
    _Row("klipper_fan_rpm", "rpm", "Revolutions of a fan in a minute, where it tells.", _FANS),
    _Row("klipper_pressure_advance_seconds", "pressure_advance", "Pressure advance."),
    _Row("klipper_stepper_run_current_amperes", "run_current", "Current of a stepper's driver."),
    _Row("klipper_filament_detected", "filament_detected", "Whether a sensor sees filament."),
    _Row("klipper_filament_sensor_enabled", "enabled", "Whether a filament sensor is in use."),
    _Row("klipper_output_pin_value", "value", "Value of an output pin, 0 to 1."),
)
# Of `last_stats` of each micro-controller (klippy/mcu.py, klippy/serialhdl.py).
_MCU_ROWS = (
    (COUNTER, _Row("klipper_mcu_sent_bytes", "bytes_write", "Bytes sent to it.")),
    (COUNTER, _Row("klipper_mcu_received_bytes", "bytes_read", "Bytes received from it.")),
    (COUNTER, _Row("klipper_mcu_retransmitted_bytes", "bytes_retransmit", "Bytes sent anew.")),
    (COUNTER, _Row("klipper_mcu_invalid_bytes", "bytes_invalid", "Bytes that were no message.")),
    (GAUGE, _Row("klipper_mcu_awake_ratio", "mcu_awake", "Part of the time that it works.")),
    (GAUGE, _Row("klipper_mcu_task_seconds", "mcu_task_avg", "Mean time of its tasks.")),
    (GAUGE, _Row("klipper_mcu_round_trip_seconds", "srtt", "Round trip of its messages.")),
    (GAUGE, _Row("klipper_mcu_clock_hertz", "freq", "Its clock, as measured.")),
)


def _kind(name: str) -> str:
    kind = name.partition(" ")[0]
    return "extruder" if kind.startswith("extruder") and kind[8:].isdigit() else kind


def wanted(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The `objects` argument of a subscription to what is told, of the objects that there are."""
    return {name: _FIELDS[_kind(name)] for name in names if _kind(name) in _FIELDS}


def printer_families(
    klippy_state: str, names: Iterable[str], status: StatusOf
) -> Iterator[MetricFamily]:
    """Everything about the printer; `status` gives the known fields of an object."""
    yield single(
        "klipper_connected",
        GAUGE,
        "Whether Klipper's socket is open.",
        klippy_state != "disconnected",
    )
    yield states(
        "klipper_state",
        "1 for the state that Klipper is in.",
        "state",
        _KLIPPY_STATES,
        klippy_state,
    )
    known = {name: fields for name in sorted(wanted(names)) if (fields := status(name))}
    yield from _print_families(known)
    yield from _motion_families(known)
    yield from _object_families(known)
    yield from _mcu_families(known)


def _print_families(known: Mapping[str, Mapping[str, Any]]) -> Iterator[MetricFamily]:
    stats, card = known.get("print_stats", {}), known.get("virtual_sdcard", {})
    yield states(
        "klipper_print_state",
        "1 for the state that the print is in.",
        "state",
        _PRINT_STATES,
        _text(stats.get("state")),
    )
    filename = _text(stats.get("filename"))
    samples = [Sample((("filename", filename),), 1)] if filename and is_label(filename) else []
    yield MetricFamily("klipper_print_file", GAUGE, "1 for the file that is loaded.", samples)
    seconds = "klipper_print_duration_seconds", "klipper_print_total_duration_seconds"
    yield single(
        seconds[0], GAUGE, "Time of the print without pauses.", stats.get("print_duration")
    )
    yield single(seconds[1], GAUGE, "Time of the print with pauses.", stats.get("total_duration"))
    yield single(
        "klipper_print_filament_used_meters",
        GAUGE,
        "Filament of the print so far.",
        stats.get("filament_used"),
        0.001,
    )
    info = stats.get("info")
    layers = info if isinstance(info, Mapping) else {}
    yield single("klipper_print_layer", GAUGE, "Layer under way.", layers.get("current_layer"))
    yield single("klipper_print_layers", GAUGE, "Layers of the print.", layers.get("total_layer"))
    yield single(
        "klipper_print_progress_ratio",
        GAUGE,
        "Part of the file that is read.",
        card.get("progress"),
    )
    yield single(
        "klipper_print_file_position_bytes", GAUGE, "Bytes read.", card.get("file_position")
    )
    yield single("klipper_print_file_size_bytes", GAUGE, "Size of the file.", card.get("file_size"))
    paused = known.get("pause_resume", {}).get("is_paused")
    yield single("klipper_print_paused", GAUGE, "Whether the print is paused.", paused)


def _motion_families(known: Mapping[str, Mapping[str, Any]]) -> Iterator[MetricFamily]:
    idle = known.get("idle_timeout", {}).get("state")
    yield states(
        "klipper_idle_state",
        "1 for what idle_timeout says.",
        "state",
        _IDLE_STATES,
        _text(idle),
    )
    homed = known.get("toolhead", {}).get("homed_axes")
    axes = {axis: axis in homed for axis in "xyz"} if isinstance(homed, str) else {}
    yield by_label("klipper_axis_homed", GAUGE, "Whether an axis is homed.", "axis", axes)
    move, report = known.get("gcode_move", {}), known.get("motion_report", {})
    yield single("klipper_speed_factor_ratio", GAUGE, "Set by M220.", move.get("speed_factor"))
    yield single("klipper_extrude_factor_ratio", GAUGE, "Set by M221.", move.get("extrude_factor"))
    yield single(
        "klipper_toolhead_velocity_meters_per_second",
        GAUGE,
        "Speed of the toolhead.",
        report.get("live_velocity"),
        0.001,
    )
    yield single(
        "klipper_extruder_velocity_meters_per_second",
        GAUGE,
        "Speed of the filament.",
        report.get("live_extruder_velocity"),
        0.001,
    )
    host = known.get("system_stats", {})
    yield single("klipper_host_load1", GAUGE, "Load of Klipper's host.", host.get("sysload"))
    yield single(
        "klipper_process_cpu_seconds", COUNTER, "Time of Klipper's process.", host.get("cputime")
    )
    yield single(
        "klipper_host_memory_available_bytes",
        GAUGE,
        "Free memory of Klipper's host.",
        host.get("memavail"),
        1024,
    )


def _object_families(known: Mapping[str, Mapping[str, Any]]) -> Iterator[MetricFamily]:
    for row in _OBJECT_ROWS:
        values = {
            name: value * row.factor
            for name, fields in known.items()
            if row.field in fields and (row.kinds is None or _kind(name) in row.kinds)
            if (value := number(fields[row.field])) is not None
        }
        yield by_label(row.name, GAUGE, row.help, "object", values)


def _mcu_families(known: Mapping[str, Mapping[str, Any]]) -> Iterator[MetricFamily]:
    stats = {
        name: last
        for name, fields in known.items()
        if _kind(name) == "mcu" and isinstance(last := fields.get("last_stats"), Mapping)
    }
    for kind, row in _MCU_ROWS:
        values = {name: last.get(row.field) for name, last in stats.items()}
        yield by_label(row.name, kind, row.help, "mcu", values)
    versions = [
        Sample((("mcu", name), ("version", version)), 1)
        for name, fields in known.items()
        if _kind(name) == "mcu" and isinstance(version := fields.get("mcu_version"), str)
        if is_label(name) and is_label(version)
    ]
    yield MetricFamily("klipper_mcu_info", GAUGE, "1, with the firmware's version.", versions)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
