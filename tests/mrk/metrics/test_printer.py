"""Status of printer objects as metrics; nothing that a fork sends breaks them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.metrics.exposition import exposition
from mrk.metrics.printer import printer_families, wanted

STATUS: dict[str, dict[str, Any]] = {
    "extruder": {"temperature": 210.5, "target": 215.0, "power": 0.4, "pressure_advance": 0.04},
    "extruder1": {"temperature": 22.0, "target": 0.0, "power": 0.0},
    "fan": {"speed": 0.5, "rpm": None},
    "temperature_fan case": {"temperature": 30.0, "target": 40.0, "speed": 0.2, "rpm": 900},
    "bme280 box": {"temperature": 25.0, "humidity": 40.0, "pressure": 1013.25},
    "tmc2209 stepper_x": {"temperature": None, "run_current": 0.8},
    "filament_switch_sensor runout": {"filament_detected": True, "enabled": False},
    "output_pin light": {"value": 1.0},
    "mcu": {"mcu_version": "v0.13", "last_stats": {"bytes_write": 10, "srtt": 0.001, "freq": 50}},
    "print_stats": {
        "state": "printing", "filename": "a.gcode", "print_duration": 5.0, "total_duration": 9.0,
        "filament_used": 1500.0, "info": {"current_layer": 3, "total_layer": 80},
    },
    "virtual_sdcard": {"progress": 0.25, "file_position": 100, "file_size": 400},
    "pause_resume": {"is_paused": False},
    "idle_timeout": {"state": "Printing"},
    "toolhead": {"homed_axes": "xy"},
    "gcode_move": {"speed_factor": 1.5, "extrude_factor": 1.0},
    "motion_report": {"live_velocity": 150.0, "live_extruder_velocity": 2.0},
    "system_stats": {"sysload": 0.3, "cputime": 12.5, "memavail": 1000},
    "gcode_macro X": {"speed": 3, "temperature": 4},
}  # fmt: skip


def told(state: str, status: dict[str, dict[str, Any]]) -> dict[str, str]:
    text = exposition(
        printer_families(state, status, lambda name: status.get(name, {})), openmetrics=False
    )
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ("klipper_connected", "1"),
        ('klipper_state{state="ready"}', "1"),
        ('klipper_state{state="shutdown"}', "0"),
        ('klipper_temperature_celsius{object="extruder"}', "210.5"),
        ('klipper_temperature_target_celsius{object="extruder1"}', "0.0"),
        ('klipper_heater_power_ratio{object="extruder"}', "0.4"),
        ('klipper_fan_speed_ratio{object="fan"}', "0.5"),
        ('klipper_fan_rpm{object="temperature_fan case"}', "900"),
        ('klipper_humidity_ratio{object="bme280 box"}', "0.4"),
        ('klipper_pressure_pascals{object="bme280 box"}', "101325.0"),
        ('klipper_stepper_run_current_amperes{object="tmc2209 stepper_x"}', "0.8"),
        ('klipper_filament_detected{object="filament_switch_sensor runout"}', "1"),
        ('klipper_filament_sensor_enabled{object="filament_switch_sensor runout"}', "0"),
        ('klipper_mcu_sent_bytes_total{mcu="mcu"}', "10"),
        ('klipper_mcu_info{mcu="mcu",version="v0.13"}', "1"),
        ('klipper_print_state{state="printing"}', "1"),
        ('klipper_print_file{filename="a.gcode"}', "1"),
        ("klipper_print_duration_seconds", "5.0"),
        ("klipper_print_filament_used_meters", "1.5"),
        ("klipper_print_layer", "3"),
        ("klipper_print_progress_ratio", "0.25"),
        ('klipper_axis_homed{axis="z"}', "0"),
        ("klipper_toolhead_velocity_meters_per_second", "0.15"),
        ("klipper_host_memory_available_bytes", "1024000"),
    ],
)
def test_values(series, value):
    assert told("ready", STATUS)[series] == value


def test_unknown_values_and_objects_are_absent():
    found = told("ready", STATUS)
    assert not [name for name in found if "tmc2209" in name and "temperature" in name]
    assert not [name for name in found if "rpm" in name and '"fan"' in name]
    assert not [name for name in found if "gcode_macro" in name]


def test_without_a_printer_there_is_only_its_state():
    names = {name.partition("{")[0] for name in told("disconnected", {})}
    assert names == {"klipper_connected", "klipper_state", "mrk_metrics_left_out"}


def test_what_is_subscribed_is_what_is_told():
    asked = wanted([*STATUS, "configfile", "extruder_stepper x"])
    assert set(asked) == set(STATUS) - {"gcode_macro X"}
    # A subscription to a field that is not told would wake us for nothing, and the other way round.
    cut = {name: {f: v for f, v in STATUS[name].items() if f in asked[name]} for name in asked}
    assert told("ready", cut) == told("ready", STATUS)


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.data())
def test_nothing_that_a_fork_sends_breaks_it(data):
    names = [*STATUS, data.draw(st.text())]
    fields = sorted({field for known in wanted(STATUS).values() for field in known})
    status = data.draw(
        st.dictionaries(
            st.sampled_from(names), st.dictionaries(st.sampled_from(fields), JUNK), max_size=4
        )
    )
    for value in told("ready", status).values():
        float(value)
