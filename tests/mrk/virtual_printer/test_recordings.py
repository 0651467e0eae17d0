"""The recordings of a real Klipper against the rules: same requests, same shapes, same errors."""

import json

import pytest


def differences(expected, found, path=""):
    """Where the shape of `found` is not that of `expected`: missing keys, other types.

    Numbers may be int or float, as Klipper's own are; null stands for any type, as the recording
    only shows one moment. Extra keys are allowed at no place but the list of commands.
    """
    if expected is None or found is None:
        return []
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{path}: {found!r} is no object"]
        missing = [f"{path}.{key}: missing" for key in expected if key not in found]
        inner = [
            line
            for key in expected
            if key in found
            for line in differences(expected[key], found[key], f"{path}.{key}")
        ]
        return missing + inner
    if isinstance(expected, bool) or isinstance(found, bool):
        return [] if type(expected) is type(found) else [f"{path}: {found!r} for {expected!r}"]
    if isinstance(expected, (int, float)):
        return [] if isinstance(found, (int, float)) else [f"{path}: {found!r} is not a number"]
    if isinstance(expected, list) and isinstance(found, list):
        if expected and found:
            return differences(expected[0], found[0], f"{path}[0]")
        return []
    return [] if type(expected) is type(found) else [f"{path}: {found!r} for {expected!r}"]


def test_static_requests_have_the_recorded_shapes(bench, recording):
    for line in recording("static"):
        request, reply = line["request"], line["reply"]
        found = bench.call(request["method"], request.get("params"))
        assert differences(reply["result"], found["result"], request["method"]) == []


def test_endpoints_and_objects_are_the_recorded_ones_in_order(bench, recording):
    by_method = {line["request"]["method"]: line["reply"] for line in recording("static")}
    endpoints = bench.call("list_endpoints")["result"]["endpoints"]
    assert endpoints == by_method["list_endpoints"]["result"]["endpoints"]
    objects = bench.call("objects/list")["result"]["objects"]
    assert objects == by_method["objects/list"]["result"]["objects"]


def test_help_has_every_recorded_command_and_text(bench, recording):
    (recorded,) = [
        line["reply"]["result"]
        for line in recording("static")
        if line["request"]["method"] == "gcode/help"
    ]
    found = bench.call("gcode/help")["result"]
    assert {name: found.get(name) for name in recorded} == recorded
    assert set(found) - set(recorded) == {"VIRTUAL_FAULT", "VIRTUAL_REMOTE_METHOD"}


def test_objects_have_no_fields_beyond_the_recorded(bench, recording):
    (recorded,) = [
        line["reply"]["result"]["status"]
        for line in recording("static")
        if line["request"]["method"] == "objects/query"
    ]
    for name, status in recorded.items():
        assert sorted(bench.status(name)) == sorted(status), name


def test_values_that_do_not_depend_on_the_moment_are_equal(bench, recording):
    (recorded,) = [
        line["reply"]["result"]["status"]
        for line in recording("static")
        if line["request"]["method"] == "objects/query"
    ]
    same = [name for name in recorded if name.startswith(("gcode_macro", "output_pin"))] + [
        "webhooks", "configfile", "heaters", "fan", "heater_fan hotend_fan", "gcode_button btn",
        "filament_switch_sensor runout", "gcode_move", "print_stats", "virtual_sdcard",
        "pause_resume", "display_status", "exclude_object", "save_variables", "bed_mesh",
        "query_endstops", "stepper_enable", "motion_report", "manual_probe",
    ]  # fmt: skip
    for name in same:
        assert bench.status(name) == recorded[name], name


def test_errors_are_the_recorded_ones(bench, recording):
    bench.script("G28")
    bench.script("M104 S210")
    bench.script("G1 X82 Y42 Z0.7 F6000")
    bench.script("G92 E40.630")
    bench.hardware.temperatures["extruder"] = 210.0
    for line in recording("errors"):
        if "request" not in line:
            continue
        request, reply = line["request"], line["reply"]
        number = bench.send(request["method"], request.get("params"))
        if "_reply" in reply:
            bench.run(5.0)
            assert not any(message.get("id") == number for _client, message in bench.heard)
            continue
        found = bench.reply(number)
        if "error" in reply:
            expected = reply["error"]
            if "Move out of range" in expected["message"]:
                expected = {
                    **expected,
                    "message": "Move out of range: 9999.000 42.000 0.700 [0.000]",
                }
            assert found["error"] == expected
        else:
            assert differences(reply["result"], found["result"], request["method"]) == []
    assert bench.call("info")["result"]["state"] == "ready"


@pytest.mark.parametrize(
    "frame",
    [
        b"{junk",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"[" * 100_000,
        b'{"id": 1}',
        b'{"id": 1, "method": 5}',
        b'{"id": 1, "method": "info", "params": null}',
        b'{"id": 1, "method": "info", "params": [1]}',
    ],
)
def test_frames_that_are_no_requests_are_never_answered(bench, frame):
    bench.klippy.receive(bench.client, frame)
    bench.run(1.0)
    assert bench.heard == []
    assert bench.call("info")["result"]["state"] == "ready"


@pytest.mark.parametrize("method", ["info", "nope"])
def test_a_request_without_an_id_is_not_answered(bench, method):
    for request in ({"method": method}, {"id": None, "method": method}):
        bench.klippy.receive(bench.client, json.dumps(request).encode())
    bench.run(1.0)
    assert bench.heard == []


def test_commands_of_the_print_answer_and_say_what_was_recorded(bench, recording):
    bench.listen()
    request, said = None, []
    for line in recording("print_excerpt"):
        message = line["message"]
        if "response" in message.get("params", {}):
            said.append(message["params"]["response"])
        if "_request" in message and "SDCARD" in str(message):
            break
        if "_request" in message:
            request = message["_request"]
        if "_reply" in message:
            found = bench.call(request["method"], request["params"])
            assert {**found, "id": 0} == {**message["_reply"], "id": 0}
            bench.run(0.6)
    # The first line answers STATUS, which the recording began with.
    assert bench.said() == said


def test_every_recorded_push_fits_the_status(bench, recording):
    bench.print_file("G28\n")
    for line in recording("print_excerpt"):
        for name, fields in line["message"].get("params", {}).get("status", {}).items():
            assert differences(fields, bench.status(name), name) == []


def test_emergency_stop_says_shutdown_before_it_answers(bench, recording):
    bench.listen()
    bench.subscribe({"webhooks": None, "toolhead": ["homed_axes"]})
    before = len(bench.heard)
    assert bench.call("emergency_stop")["result"] == {}
    bench.run(0.5)
    recorded = recording("emergency_stop")
    heard = [message for _client, message in bench.heard[before:]]
    assert heard[0]["params"]["response"] == recorded[1]["message"]["params"]["response"]
    assert heard[1]["result"] == {}
    webhooks = recorded[2]["message"]["params"]["status"]["webhooks"]
    assert heard[2]["params"]["status"]["webhooks"] == webhooks


def test_while_shutdown_commands_fail_and_queries_work(bench, recording):
    bench.call("emergency_stop")
    for line in recording("while_shutdown")[-2:]:
        request, reply = line["request"], line["reply"]
        found = bench.call(request["method"], request["params"])
        if "error" in reply:
            assert found["error"] == reply["error"]
        else:
            assert differences(reply["result"], found["result"]) == []
            expected = reply["result"]["status"]["print_stats"]
            assert found["result"]["status"]["print_stats"] == expected


@pytest.mark.parametrize(
    ("name", "method", "params"),
    [
        ("restart", "gcode/script", {"script": "RESTART"}),
        ("firmware_restart", "gcode/firmware_restart", None),
    ],
)
def test_restart_answers_then_says_disconnect_then_ends(bench, recording, name, method, params):
    bench.listen()
    bench.script("G28 X")
    began, before = bench.now, len(bench.heard)
    assert bench.call(method, params)["result"] == {}
    took_s = bench.now - began
    bench.run(0.05)
    assert 0.5 <= took_s <= recording(name)[0]["t"] + 0.1
    assert bench.heard[-1][1]["params"]["response"] == "// Klipper state: Disconnect"
    assert len(bench.heard) == before + 2
    assert bench.klippy.ended == name
    bench.begin(ready=False)
    recorded = recording("restart")[-1]["info"]["result"]
    found = bench.call("info")["result"]
    assert (found["state"], found["state_message"]) == ("startup", recorded["state_message"])
    bench.klippy.start_up()
    assert bench.call("info")["result"]["state"] == "ready"
    assert bench.status("toolhead")["homed_axes"] == ""
