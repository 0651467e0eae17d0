"""Texts, pins, mesh, macros and variables."""

import pytest

from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.klippy import KlippySettings


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("RESPOND MSG=a", ["echo: a"]),
        ("RESPOND TYPE=command MSG=action:x", ["// action:x"]),
        ("RESPOND TYPE=error MSG=bad", ["!! bad"]),
        ("RESPOND PREFIX=tgtname: MSG=a", ["tgtname: a"]),
        ("M118 some Text", ["echo: some Text"]),
        ("ECHO hi", ["// ECHO hi"]),
        ("NOPE", ['// Unknown command:"NOPE"']),
        ("M105", ["B:22.0 /0.0 T0:22.0 /0.0"]),
        ("QUERY_ENDSTOPS", ["stepper_x:open stepper_y:open stepper_z:open"]),
        ("CANCEL_PRINT", ["// action:cancel"]),
        ("RESUME", ["// Print is not paused, resume aborted"]),
        ("PAUSE", ["// action:paused"]),
        ("REPORT_TIME", None),
        ("BED_MESH_OUTPUT", ["// Bed has not been probed"]),
        ("EXCLUDE_OBJECT_END",
         ["// EXCLUDE_OBJECT_END called, but no object is currently active"]),
        ("QUERY_FILAMENT_SENSOR SENSOR=runout",
         ["// Filament Sensor runout: filament detected"]),
    ],
)  # fmt: skip
def test_what_is_said(bench, script, said):
    bench.listen()
    assert bench.script(script)["result"] == {}
    if said is not None:
        assert bench.said() == said


def test_get_position_has_a_line_for_every_layer(bench):
    bench.listen()
    bench.script("G28\nG1 X10 F6000\nGET_POSITION")
    lines = bench.said()[0].split("\n")
    assert [line.split(":")[0] for line in lines] == [
        "// mcu", "// stepper", "// kinematic", "// toolhead", "// gcode", "// gcode base",
        "// gcode homing",
    ]  # fmt: skip
    assert lines[3] == "// toolhead: X:10.000000 Y:0.000000 Z:0.000000 E:0.000000"


def test_help_lists_commands(bench):
    bench.listen()
    bench.script("HELP")
    assert bench.said()[0].startswith("// Available extended commands:\n// ACTIVATE_EXTRUDER: ")


def test_pins_and_fans(make_bench):
    bench = make_bench(KlippySettings(generic_fans=("exhaust",)))
    bench.script("SET_PIN PIN=caselight VALUE=0.4\nM106 S51\nSET_FAN_SPEED FAN=exhaust SPEED=0.5")
    assert bench.status("output_pin caselight") == {"value": 0.4}
    assert bench.status("fan") == {"speed": 0.2, "rpm": None}
    assert bench.status("fan_generic exhaust") == {"speed": 0.5, "rpm": None}
    bench.script("M107")
    assert bench.status("fan")["speed"] == 0.0
    assert "error" in bench.script("SET_PIN PIN=relay VALUE=0.5")
    assert "error" in bench.script("SET_PIN PIN=caselight VALUE=1.1")
    assert "error" in bench.script("SET_PIN PIN=nobody VALUE=1")


def test_a_fan_in_the_file_does_not_stop_the_moves(bench):
    moves = "".join(f"G1 X{10 * i} F6000\nM106 S{i}\n" for i in range(1, 21))
    bench.script("G28\nM400")
    began = bench.now
    bench.script(moves + "M400")
    # 200 mm at 100 mm/s and the first quarter second; stopping each time would take longer.
    assert bench.now - began == pytest.approx(2.0 + 0.3, abs=0.2)


def test_mesh_is_probed_saved_and_loaded(bench):
    began = bench.now
    bench.script("G28\nBED_MESH_CALIBRATE")
    assert bench.now - began > 20.0
    mesh = bench.status("bed_mesh")
    assert (mesh["profile_name"], list(mesh["profiles"])) == ("default", ["default"])
    assert len(mesh["probed_matrix"]) == 4
    assert len(mesh["mesh_matrix"]) == len(mesh["mesh_matrix"][0]) == 10
    dump = bench.call("bed_mesh/dump_mesh")["result"]
    assert dump["current_mesh"]["name"] == "default"
    bench.script("BED_MESH_CLEAR")
    assert bench.status("bed_mesh")["probed_matrix"] == [[]]
    bench.script("BED_MESH_PROFILE LOAD=default")
    assert bench.status("bed_mesh")["profile_name"] == "default"
    bench.script("BED_MESH_PROFILE REMOVE=default")
    error = bench.script("BED_MESH_PROFILE LOAD=default")["error"]
    assert error["message"] == "bed_mesh: Unknown profile [default]"


def test_variables_outlast_a_restart(bench):
    bench.script("SAVE_VARIABLE VARIABLE=spool VALUE=\"{'id': 3}\"")
    assert bench.status("save_variables") == {"variables": {"spool": {"id": 3}}}
    bench.begin()
    assert bench.status("save_variables") == {"variables": {"spool": {"id": 3}}}
    assert "error" in bench.script("SAVE_VARIABLE VARIABLE=a VALUE=nonsense")
    assert "error" in bench.script("SAVE_VARIABLE VARIABLE=A VALUE=1")


@pytest.mark.parametrize("value", ["{1,2}", "b'x'", "{(1,2): 3}", "1e999", "1j"])
def test_values_without_json_do_no_harm(bench, value):
    bench.script(f'SAVE_VARIABLE VARIABLE=odd VALUE="{value}"')
    bench.status("save_variables")
    assert bench.call("info")["result"]["state"] == "ready"


def test_macros_see_status_and_params(make_bench):
    macro = MacroSource(
        "TRY",
        "{% set t = printer.extruder.temperature %}\n"
        "{% if params.S|default(0)|int > 1 %}RESPOND MSG={t|int}{% endif %}\n"
        "{action_respond_info(rawparams)}\n"
        "SET_GCODE_VARIABLE MACRO=TRY VARIABLE=n VALUE={n + 1}",
        variables={"n": 4},
    )
    bench = make_bench(KlippySettings(macros=(macro,)))
    bench.listen()
    assert bench.script("TRY S=2")["result"] == {}
    # As in Klipper, the template is finished before its first line runs.
    assert bench.said() == ["// S=2", "echo: 22"]
    assert bench.status("gcode_macro TRY") == {"n": 5}
    assert "gcode_macro TRY" in bench.call("objects/list")["result"]["objects"]


@pytest.mark.parametrize(
    ("gcode", "message"),
    [
        ("{action_raise_error('no')}", "no"),
        ("{printer.nothing.here}", "Error evaluating 'gcode_macro BAD:gcode'"),
        ("BAD", "Macro BAD called recursively"),
        ("{''.__class__.__mro__}", "Error evaluating 'gcode_macro BAD:gcode'"),
    ],
)
def test_macros_that_fail(make_bench, gcode, message):
    bench = make_bench(KlippySettings(macros=(MacroSource("BAD", gcode),)))
    assert bench.script("BAD")["error"]["message"].startswith(message)
    assert bench.call("info")["result"]["state"] == "ready"


def test_a_macro_can_stop_the_printer(make_bench):
    macro = MacroSource("STOP", "{action_emergency_stop('enough')}")
    bench = make_bench(KlippySettings(macros=(macro,)))
    bench.script("STOP")
    assert bench.call("info")["result"]["state_message"].startswith("Shutdown due to enough\n")


def test_print_start_and_end(bench):
    bench.script("M140 S60\nPRINT_START")
    assert bench.status("toolhead")["homed_axes"] == "xyz"
    assert bench.status("display_status")["message"] == "starting"
    bench.script("PRINT_END")
    assert bench.status("display_status")["message"] == "done"
    assert bench.status("heater_bed")["target"] == 0.0


def test_scripts_wait_for_each_other_in_order(bench):
    numbers = [
        bench.send("gcode/script", {"script": f"G4 P2000\nM400\nM117 {i}"}) for i in range(3)
    ]
    seen = []
    while not seen or seen[-1] != "2":
        bench.run(0.25)
        message = bench.status("display_status")["message"]
        if message not in (None, *seen):
            seen.append(message)
    assert seen == ["0", "1", "2"]
    bench.run(0.1)
    answered = [m["id"] for _c, m in bench.heard if m.get("id") in numbers]
    assert answered == numbers


def test_m112_answers_and_shuts_down(bench):
    assert bench.script("M112")["result"] == {}
    info = bench.call("info")["result"]
    assert info["state"] == "shutdown"
    assert info["state_message"].startswith("Shutdown due to M112 command\n")
    for script, works in (("M115", True), ("STATUS", False), ("M105", True), ("G28", False)):
        assert ("result" in bench.script(script)) is works, script


def test_faults_can_be_ordered_in_any_state(make_bench):
    bench = make_bench(ready=False)
    bench.script("VIRTUAL_FAULT KIND=silence SECONDS=3")
    (fault,) = bench.klippy.take_faults()
    assert (fault.kind.value, fault.seconds) == ("silence", 3.0)
    assert bench.klippy.take_faults() == []
    bench.script("VIRTUAL_FAULT KIND=mcu_shutdown")
    bench.klippy.start_up()
    assert bench.call("info")["result"]["state"] == "shutdown"
    error = bench.script("VIRTUAL_FAULT KIND=flood")["error"]
    assert error["message"] == "The value 'flood' is not valid for KIND"
