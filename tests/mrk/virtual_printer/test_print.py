"""A print from a file: progress, durations, filament, pause, resume, cancel, errors."""

import pytest

HEATED = "G28\nM104 S200\nM109 S200\nG90\nM83\nG92 E0\n"


def lines_of(count):
    return "".join(f"G1 X{10 + i % 2 * 100} Y{50 + i * 0.5} Z0.3 E2 F6000\n" for i in range(count))


def test_a_print_from_start_to_end(bench):
    bench.listen()
    content = HEATED + lines_of(20)
    assert bench.print_file(content)["result"] == {}
    assert bench.said() == [f"File opened:test.gcode Size:{len(content)}", "File selected"]
    assert bench.status("print_stats")["state"] == "printing"
    assert bench.status("virtual_sdcard")["file_path"] == f"{bench.folder.path}/test.gcode"
    bench.run_until("print_stats", "state", "complete")
    stats = bench.status("print_stats")
    assert stats["filename"] == "test.gcode"
    assert stats["filament_used"] == pytest.approx(40.0)
    assert 0 < stats["print_duration"] < stats["total_duration"]
    sdcard = bench.status("virtual_sdcard")
    assert (sdcard["progress"], sdcard["is_active"], sdcard["file_path"]) == (1.0, False, None)
    assert sdcard["file_position"] == sdcard["file_size"] == len(content)
    assert bench.said()[-1] == "Done printing file"
    bench.run(3.0)
    assert bench.status("idle_timeout")["state"] == "Ready"


def test_progress_is_the_share_of_bytes_and_only_grows(bench):
    bench.print_file(HEATED + lines_of(60))
    seen = []
    while bench.status("print_stats")["state"] == "printing":
        sdcard = bench.status("virtual_sdcard")
        assert sdcard["progress"] == sdcard["file_position"] / max(sdcard["file_size"], 1)
        seen.append(sdcard["progress"])
        bench.run(1.0)
    assert seen == sorted(seen)
    assert len(set(seen)) > 20


def test_durations_are_those_of_the_clock(bench):
    bench.heat()
    began = bench.now
    bench.print_file("G28\nG4 P10000\nM83\nG1 E1 F60\nG1 E1 F60\nM400\n")
    bench.run_until("print_stats", "state", "complete")
    stats = bench.status("print_stats")
    assert stats["total_duration"] == pytest.approx(bench.now - began, abs=0.5)
    # As in Klipper it begins when the first filament is asked for, up to a second ahead of it.
    assert stats["print_duration"] == pytest.approx(2.5, abs=0.8)


def test_pause_and_resume(bench):
    bench.listen()
    bench.print_file(HEATED + lines_of(40))
    bench.run_until("extruder", "can_extrude", True)
    bench.run(10.0)
    assert bench.call("pause_resume/pause")["result"] == {}
    assert bench.status("pause_resume")["is_paused"] is True
    paused = bench.status("print_stats")
    assert paused["state"] == "paused"
    assert bench.status("virtual_sdcard")["is_active"] is False
    assert bench.script("PAUSE")["result"] == {}
    assert bench.said()[-1] == "// Print already paused"
    bench.script("G91\nG1 Z10 F600\nG90")
    bench.run(20.0)
    stats = bench.status("print_stats")
    assert stats["print_duration"] == pytest.approx(paused["print_duration"], abs=0.3)
    assert stats["total_duration"] == pytest.approx(paused["total_duration"] + 20.0, abs=4.0)
    assert bench.call("pause_resume/resume")["result"] == {}
    bench.run(0.1)
    assert bench.status("print_stats")["state"] == "printing"
    bench.run_until("print_stats", "state", "complete")
    assert bench.status("print_stats")["filament_used"] == pytest.approx(80.0)


def test_pause_waits_for_the_line_that_runs(bench):
    bench.print_file("G28\nG4 P8000\nM400\nG4 P8000\nM400\n")
    bench.run(12.0)
    began = bench.now
    assert bench.call("pause_resume/pause")["result"] == {}
    assert 1.0 < bench.now - began < 9.0
    assert bench.status("print_stats")["state"] == "paused"


def test_a_pause_in_the_file_stops_behind_its_line(bench):
    content = "G28\nPAUSE\nM117 behind\n"
    bench.print_file(content)
    bench.run_until("print_stats", "state", "paused")
    assert bench.status("virtual_sdcard")["file_position"] == content.index("M117")
    assert bench.status("display_status")["message"] is None
    bench.script("RESUME")
    bench.run_until("print_stats", "state", "complete")
    assert bench.status("display_status")["message"] == "behind"


@pytest.mark.parametrize("paused", [False, True])
def test_cancel(bench, paused):
    bench.print_file("M140 S60\n" + HEATED + lines_of(40))
    bench.run(3.0)
    if paused:
        bench.call("pause_resume/pause")
    assert bench.call("pause_resume/cancel")["result"] == {}
    assert bench.status("print_stats")["state"] == "cancelled"
    sdcard = bench.status("virtual_sdcard")
    assert (sdcard["file_path"], sdcard["file_position"], sdcard["progress"]) == (None, 0, 0.0)
    assert bench.status("pause_resume")["is_paused"] is False
    # The macro CANCEL_PRINT turns the heaters off before it calls the built-in command.
    assert bench.status("heater_bed")["target"] == 0.0


def test_an_error_in_the_file_ends_the_print(bench):
    bench.listen()
    bench.print_file("G28\nM140 S60\nG1 X9999\nM117 never\n")
    bench.run_until("print_stats", "state", "error")
    assert (
        bench.status("print_stats")["message"] == "Move out of range: 9999.000 0.000 0.000 [0.000]"
    )
    assert bench.said()[-1] == "!! Move out of range: 9999.000 0.000 0.000 [0.000]"
    assert bench.status("heater_bed")["target"] == 0.0
    assert bench.status("display_status")["message"] is None


def test_a_second_start_is_refused_while_printing(bench):
    bench.print_file(HEATED + lines_of(10))
    # Between two lines of the file the command gets its turn, and finds the card busy.
    assert bench.print_file("G28\n", "other.gcode")["error"]["message"] == "SD busy"


@pytest.mark.parametrize("name", ["missing.gcode", "", "/"])
def test_a_missing_file(bench, name):
    error = bench.script(f'SDCARD_PRINT_FILE FILENAME="{name}"')["error"]
    assert error["message"] == "Unable to open file"
    assert bench.status("print_stats")["state"] == "standby"


def test_the_last_line_needs_its_newline(bench):
    bench.print_file("M117 one\nM117 two")
    bench.run_until("print_stats", "state", "complete")
    assert bench.status("display_status")["message"] == "one"


@pytest.mark.parametrize("content", ["", "\n", "\r\n\r\n", "; nothing\n", "\xff\xfe\n", "\0\n"])
def test_odd_files_complete(bench, content):
    bench.print_file(content)
    bench.run_until("print_stats", "state", "complete")


def test_a_line_longer_than_a_piece_is_read_whole(bench):
    bench.print_file("M117 " + "x" * 20_000 + "\nM118 end\n")
    bench.run_until("print_stats", "state", "complete")
    assert len(bench.status("display_status")["message"]) == 20_000


def test_card_commands(bench):
    bench.folder.files["a.gcode"] = b"G28\nG28\n"
    bench.listen()
    bench.script("M20\nM21\nM27\nM23 /a.gcode\nM26 S4\nM27\nM24")
    bench.run_until("print_stats", "state", "complete")
    assert bench.said() == [
        "Begin file list", "a.gcode 8", "End file list", "SD card ok", "Not SD printing.",
        "File opened:a.gcode Size:8", "File selected", "SD printing byte 4/8",
        "Done printing file",
    ]  # fmt: skip
    assert bench.script("M28 x")["error"]["message"] == "SD write not supported"


def test_layers_as_the_slicer_tells_them(bench):
    bench.script("SET_PRINT_STATS_INFO CURRENT_LAYER=3")
    assert bench.status("print_stats")["info"] == {"total_layer": None, "current_layer": None}
    bench.script("SET_PRINT_STATS_INFO TOTAL_LAYER=10")
    assert bench.status("print_stats")["info"] == {"total_layer": 10, "current_layer": 0}
    bench.script("SET_PRINT_STATS_INFO CURRENT_LAYER=11")
    assert bench.status("print_stats")["info"] == {"total_layer": 10, "current_layer": 10}
    bench.script("SET_PRINT_STATS_INFO TOTAL_LAYER=0")
    assert bench.status("print_stats")["info"] == {"total_layer": None, "current_layer": None}


def test_shutdown_in_the_middle_of_a_print_ends_everything(bench):
    bench.print_file(HEATED + lines_of(20))
    bench.run(5.0)
    waiting = bench.send("gcode/script", {"script": "G28"})
    bench.call("emergency_stop")
    assert "error" in bench.reply(waiting, within_s=2.0)
    bench.run(1.0)
    assert bench.status("virtual_sdcard")["is_active"] is False
    assert bench.status("extruder")["target"] == 0.0
    before = bench.status("toolhead")["position"]
    bench.run(5.0)
    assert bench.status("toolhead")["position"] == before


def test_one_call_runs_a_few_lines_however_big_the_file(bench):
    bench.folder.files["big.gcode"] = b"M117 x\n" * 5000
    bench.send("gcode/script", {"script": "SDCARD_PRINT_FILE FILENAME=big.gcode"})
    calls = 0
    # The lines take no virtual time: all of them are due at once.
    while bench.klippy.advance(bench.now):
        calls += 1
    assert calls > 5000 / 100
    bench.run(1.0)
    assert bench.status("print_stats")["state"] == "complete"


def test_excluded_objects_are_skipped(bench):
    bench.heat()
    bench.listen()
    template = {"name": "toolhead", "response_template": {"method": "trapq"}}
    bench.call("motion_report/dump_trapq", template)
    define = "".join(
        f"EXCLUDE_OBJECT_DEFINE NAME={name} CENTER={x},50 POLYGON=[[0,0],[1,0],[1,1]]\n"
        for name, x in (("b", 90), ("a", 50))
    )
    body = "".join(
        f"EXCLUDE_OBJECT_START NAME={name}\nG1 X{x} Y50 F600\nG1 E1\nG1 X{x + 10} E1\nM400\n"
        f"EXCLUDE_OBJECT_END NAME={name}\n"
        for name, x in (("a", 50), ("b", 90), ("a", 50), ("b", 90))
    )
    bench.print_file(f"{define}G28\nM83\nEXCLUDE_OBJECT NAME=a\nM104 S200\n{body}G1 X5 E1\nM400\n")
    current = set()
    while bench.status("print_stats")["state"] == "printing":
        current.add(bench.status("exclude_object")["current_object"])
        bench.run(0.05)
    bench.run(1.0)
    streams = [m["params"]["data"] for _c, m in bench.heard if m.get("method") == "trapq"]
    places = {tuple(row[4][:2]) for rows in streams for row in rows}
    assert (90.0, 50.0) in places
    assert (50.0, 50.0) not in places
    assert {"A", "B"} & current
    status = bench.status("exclude_object")
    assert [found["name"] for found in status["objects"]] == ["A", "B"]
    assert status["objects"][0]["center"] == [50, 50]
    assert status["excluded_objects"] == ["A"]
    # Filament of the excluded object never went through the extruder.
    assert bench.status("toolhead")["position"][3] == pytest.approx(5.0)
    assert "// Excluding object A" in bench.said()


def test_a_new_file_forgets_objects(bench):
    bench.script("EXCLUDE_OBJECT_DEFINE NAME=a\nEXCLUDE_OBJECT NAME=a")
    bench.print_file("G28\n")
    empty = {"objects": [], "excluded_objects": [], "current_object": None}
    assert bench.status("exclude_object") == empty


def test_nothing_current_to_exclude(bench):
    error = bench.script("EXCLUDE_OBJECT CURRENT=1")["error"]
    assert error["message"] == "There is no current object to cancel"
