"""The demo's printer: what front ends and sliced files expect of a finished one."""

import configparser

import pytest

from mrk.virtual_printer.demo_printer import DEMO_PRINTER
from mrk.virtual_printer.klippy import KlippySettings
from mrk.virtual_printer.objects.printer_cfg import config_sections, config_text

SETTINGS = KlippySettings(model=DEMO_PRINTER)
# The start of a file for Prusa's MK3, with 1.2 mm^2 of intro line outside of the bed.
MK3_START = """\
M201 X1000 Y1000 Z200 E5000
M203 X200 Y200 Z12 E120
M205 X8.00 Y8.00 Z0.40 E4.50
M862.3 P "MK3S"
M862.1 P0.4
M115 U3.11.0
G28 W
G80
G90
M83
G1 Z0.2 F720
G1 Y-3 F1000
G92 E0
G1 X60 E9 F1000
G1 X100 E20 F1000
M221 S95
M900 K0.05
"""


@pytest.fixture
def demo(make_bench):
    bench = make_bench(SETTINGS)
    bench.listen()
    return bench


def test_printer_cfg_is_what_configfile_shows(demo):
    folders = (demo.folder.path, SETTINGS.config_folder)
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    parser.read_string(config_text(config_sections(*folders, DEMO_PRINTER)))
    written = {name: dict(parser[name]) for name in parser.sections()}
    shown = demo.status("configfile")["config"]
    unindented = {
        section: {
            name: "\n".join(map(str.strip, text.split("\n"))) for name, text in options.items()
        }
        for section, options in shown.items()
    }
    assert written == unindented


def test_what_front_ends_look_for_in_the_configuration(demo):
    configfile = demo.status("configfile")
    wanted = {"virtual_sdcard", "pause_resume", "display_status", "exclude_object"}
    macros = {f"gcode_macro {name}" for name in ("PAUSE", "RESUME", "CANCEL_PRINT")}
    assert wanted | macros <= set(configfile["config"])
    assert {name.lower() for name in macros} <= set(configfile["settings"])
    assert configfile["warnings"] == []
    assert macros <= set(demo.call("objects/list")["result"]["objects"])
    stepper, toolhead = configfile["settings"]["stepper_y"], demo.status("toolhead")
    assert stepper["position_max"] == toolhead["axis_maximum"][1]
    assert stepper["position_min"] == toolhead["axis_minimum"][1]


def test_a_file_for_another_machine_is_printed_to_its_end(demo):
    demo.heat()
    demo.print_file(MK3_START)
    demo.run_until("print_stats", "state", "complete")
    assert [text for text in demo.said() if text.startswith("!!")] == []
    unknown = [text for text in demo.said() if "Unknown" in text]
    names = ("M201", "M203", "M205", "M862.3", "M862.1", "G80", "M900")
    assert unknown == [f'// Unknown command:"{name}"' for name in names]


def test_the_limits_of_the_demo_hold(demo):
    demo.heat()
    demo.script("G28")
    assert "Move out of range" in demo.script("G1 X300.1")["error"]["message"]
    assert "Move out of range" in demo.script("G1 Y-10.1")["error"]["message"]
    demo.script("M83")
    thick = demo.script("G1 X10 E21")["error"]["message"]
    assert "Move exceeds maximum extrusion (5.051mm^2 vs 5.000mm^2)" in thick


def test_the_recorded_printer_keeps_its_limits(bench):
    bench.heat()
    bench.script("G28\nM83")
    assert "Move out of range" in bench.script("G1 Y-3")["error"]["message"]
    thick = bench.script("G1 X40 E12.5")["error"]["message"]
    assert "Move exceeds maximum extrusion (0.752mm^2 vs 0.640mm^2)" in thick


def test_temperatures_at_rest_flicker_and_stay_near(demo):
    demo.subscribe({"extruder": ["temperature"], "heater_bed": ["temperature"]})
    demo.run(6.0)
    for name in ("extruder", "heater_bed"):
        seen = [push[name]["temperature"] for push in demo.pushes() if name in push]
        assert len(seen) >= 10, name
        assert all(abs(degrees - 22.0) <= DEMO_PRINTER.noise_c + 0.005 for degrees in seen)


def test_the_same_moment_shows_the_same_flicker(make_bench):
    assert make_bench(SETTINGS).status("extruder") == make_bench(SETTINGS).status("extruder")


def test_the_recorded_printer_does_not_flicker(bench):
    bench.subscribe({"extruder": ["temperature"]})
    bench.run(6.0)
    assert bench.pushes() == []


def test_a_pause_during_homing_is_answered_before_clients_give_up(demo):
    """The wait is for G28, from the corner where it takes longest."""
    demo.hardware.carriages = [axis.maximum for axis in DEMO_PRINTER.axes]
    demo.print_file("G28\nG4 P1\nG1 X10 F6000\n")
    demo.run(0.3)
    began = demo.now
    assert "result" in demo.call("pause_resume/pause")
    assert demo.now - began < 6.0
    assert demo.status("print_stats")["state"] == "paused"


def test_a_pause_parks_and_a_resume_goes_on_where_it_was(demo):
    demo.heat()
    demo.script("G28")
    demo.print_file("G90\nM83\nG1 X50 Y50 Z5 F9000\nG4 P3000\nG1 X60 Y50 E1 F1200\n")
    demo.run(1.5)
    demo.call("pause_resume/pause")
    demo.script("M400")
    assert demo.status("toolhead")["position"][:3] == [10.0, 290.0, 15.0]
    demo.call("pause_resume/resume")
    demo.run_until("print_stats", "state", "complete")
    demo.script("M400")
    assert demo.status("gcode_move")["gcode_position"][:3] == [60.0, 50.0, 5.0]


@pytest.mark.parametrize("command", ["PAUSE", "PAUSE\nRESUME", "CANCEL_PRINT"])
def test_the_macros_work_without_a_print_and_unhomed(demo, command):
    assert "error" not in demo.script(command)
