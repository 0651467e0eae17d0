from mrk.klippy.extruders import extruder_number, extruders
from mrk.paneldue.files import (
    MOST_NAMES,
    file_answer,
    folder_answer,
    folder_path,
    missing_folder,
)
from mrk.paneldue.macros import Macros
from mrk.paneldue.responses import RESPONSE_LENGTH, Responses


def test_folders():
    assert [folder_path(text) for text in ("/", "0:/", "", '"0:/gcodes/x y/"', "/macros")] == [
        "gcodes", "gcodes", "gcodes", "gcodes/x y", "macros",
    ]  # fmt: skip
    assert folder_answer("gcodes", ["b", "a", ".thumbs"], ["y", "x", ".z"]) == {
        "dir": "/gcodes", "files": ["*a", "*b", "x", "y"],
    }  # fmt: skip
    names = [f"{n:05}" for n in range(MOST_NAMES + 1)]
    assert folder_answer("gcodes", [], names)["files"] == names[:MOST_NAMES]
    assert missing_folder("x") == {"dir": "/x", "files": [], "err": 1}


def test_files():
    record = {
        "size": 1234, "modified": 1.7e9, "slicer": "PrusaSlicer", "object_height": 20.004,
        "layer_height": 0.2, "filament_total": 1500.66, "estimated_time": 3600.9,
    }  # fmt: skip
    answer = dict(file_answer(record))
    assert answer.pop("lastModified")[:4] in ("TTue", "TWed")
    assert answer == {
        "err": 0, "size": 1234, "generatedBy": "PrusaSlicer", "height": 20.0, "layerHeight": 0.2,
        "filament": [1500.7], "printTime": 3600,
    }  # fmt: skip
    odd = file_answer({"size": None, "modified": 1e300, "slicer": 5, "object_height": "x"}, "a")
    assert odd == {
        "err": 0, "fileName": "a", "size": 0, "lastModified": "TThu Jan  1 00:00:00 1970",
    }  # fmt: skip
    assert file_answer(None, "a") == {"err": 1}


def test_extruders():
    names = ["extruder10", "extruder_stepper x", "extruder2", "heater_bed", "extruder", "extruder0"]
    assert extruders(names) == ["extruder", "extruder2", "extruder10"]
    assert [extruder_number(name) for name in names[:3]] == [10, None, 2]


def test_only_the_newest_response_that_matters_is_kept():
    responses = Responses(["Pulled"])
    responses.hear("// probe at 1,1")
    assert responses.take() is None
    for line in ("!! first", "// Klipper state: Ready", "// Pulled back", "// echo"):
        responses.hear(line)
    assert (responses.take(), responses.take()) == ("// Pulled back", None)
    responses.put("!! " + "x" * 1000)
    assert len(responses.take() or "") == RESPONSE_LENGTH


def test_macros():
    macros = Macros(["LOAD SPEED=5", "CLEAN"], ["CLEAN NOW=1", "RESTART"])
    assert macros.labels == ["LOAD", "CLEAN", "RESTART"]
    assert (macros.script("LOAD"), macros.box("LOAD")) == ("LOAD SPEED=5", None)
    assert (macros.script("CLEAN"), macros.script("x"), macros.box("x")) == (None, None, None)
    box = macros.box("CLEAN")
    assert box == {
        "msgBox.mode": 3, "msgBox.msg": "Run CLEAN NOW=1?", "msgBox.seq": 1,
        "msgBox.title": "Confirmation Dialog", "msgBox.controls": 0, "msgBox.timeout": 0,
    }  # fmt: skip
    assert macros.take_answer(confirmed=True) == "CLEAN NOW=1"
    assert macros.take_answer(confirmed=True) is None
    assert (macros.box("RESTART") or {})["msgBox.seq"] == 2
    assert macros.take_answer(confirmed=False) is None
