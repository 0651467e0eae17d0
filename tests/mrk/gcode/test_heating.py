"""First-layer temperatures from commands and start macros."""

from typing import Any

import pytest

from mrk.gcode.heating import fill_temperatures, macro_temperatures


def found_in(text: bytes, **known: float) -> dict[str, Any]:
    found: dict[str, Any] = dict(known)
    fill_temperatures(b"\n" + text, found)
    return found


def test_waiting_commands_come_first():
    text = b"M140 S50\nM104 S150\nM190 S60 ; bed\n  M109 T0 S215.00\nM191 S40\n"
    assert found_in(text) == {
        "first_layer_extr_temp": 215,
        "first_layer_bed_temp": 60,
        "chamber_temp": 40,
    }


@pytest.mark.parametrize(
    "macro",
    [
        b"START_PRINT EXTRUDER_TEMP=220 BED_TEMP=60 CHAMBER_TEMP=35",
        b"print_start bed=60 extruder=220 chamber=35",
        b"PRINT_START BED=60.0 HOTEND=220.0 CHAMBER=35 INITIAL_TOOL=0 NOZZLE_DIAMETER=0.4",
        b"_START_PRINT NOZZLE_TEMP=220 BED_TEMPERATURE=60 CHAMBER_TEMPERATURE=35",
        b"  START_PRINT TEMP=220 BED_TEMP=60 CHAMBER=35 MATERIAL=ABS",
        b"PRINT_START TOOL=1 TOOL_TEMP=220 BED_MESH=1 BED=60 CHAMBER_SOAK=30 CHAMBER=35",
        b"PRINT_START INITIAL_TOOL=1 NOZZLE=0.4 EXTRUDER=1 EXTRUDER_TEMP=220 BED_SIZE=235"
        b" FIRST_LAYER_BED_TEMPERATURE=60 CHAMBER_FAN=1 CHAMBER_TEMP=35",
    ],
)
def test_the_start_macro_is_read(macro):
    assert found_in(macro + b"\nM104 S100\nM140 S30\n") == {
        "first_layer_extr_temp": 220,
        "first_layer_bed_temp": 60,
        "chamber_temp": 35,
    }


def test_setting_commands_are_the_last_resort():
    assert found_in(b"M104 S200\nM140 S50\n") == {
        "first_layer_extr_temp": 200,
        "first_layer_bed_temp": 50,
    }
    assert found_in(b"M104 P200\n") == {"first_layer_extr_temp": 200}
    assert found_in(b"G10 P0 S195 R120\n") == {"first_layer_extr_temp": 195}


def test_what_is_off_is_passed_over_and_what_is_declared_stays():
    assert found_in(b"M109 S0\nM109 S210\n") == {"first_layer_extr_temp": 210}
    assert found_in(b"M109 S0\nM104 S0\n") == {}
    assert found_in(b"M109 S210\n", first_layer_extr_temp=230) == {"first_layer_extr_temp": 230}
    assert found_in(b"M109 S210\n", first_layer_extr_temp=0)["first_layer_extr_temp"] == 210


def test_comments_do_not_heat():
    assert found_in(b"G28\n; M109 S210\nM1090 S5\nG1 X1 ; M190 S60\n") == {}


def test_m109_is_the_bed_in_some_flavours():
    found: dict[str, float] = {}
    fill_temperatures(b"\nM109 S65\nM104 S220 T0\n", found, bed_by_m109=True)
    assert found == {"first_layer_bed_temp": 65, "first_layer_extr_temp": 220}


def test_heating_behind_many_outlines_is_found():
    define = b"EXCLUDE_OBJECT_DEFINE NAME=a POLYGON=[" + b"[100.25,100.25]," * 400 + b"]\n"
    assert found_in(define * 100 + b"M109 S215\n") == {"first_layer_extr_temp": 215}


def test_macro_words_that_are_no_temperatures():
    assert macro_temperatures(b"\nSTART_PRINT TOOL_COUNT=2 EXTRUDERS=1 BED_MESH=x\n") == {}
    assert macro_temperatures(b"\nSTART_PRINT TOOL=60 PRINT=60 BED=0 CHAMBER=1\n") == {}
