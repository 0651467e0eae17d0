from typing import Any

import msgspec

from mrk.paneldue.commands import StatusQuery
from mrk.paneldue.responses import Responses
from mrk.paneldue.status import PanelStatus, PrinterLook

MACROS = {"dir": "/macros", "files": ["LOAD"]}
OBJECTS: dict[str, dict[str, Any]] = {
    "print_stats": {"state": "standby", "print_duration": 100.0, "filament_used": 250.0},
    "virtual_sdcard": {"progress": 0.0},
    "idle_timeout": {"state": "Idle"},
    "toolhead": {"homed_axes": "xz", "extruder": "extruder1"},
    "motion_report": {"live_position": [1.234, 2.345, 3.456, 42.004]},
    "gcode_move": {
        "homing_origin": [0, 0, 0.0501, 0], "speed_factor": 1.05, "extrude_factor": 0.98,
        "gcode_position": [0, 0, 10.0, 0],
    },
    "fan": {"speed": 0.505},
    "display_status": {"message": None},
    "heater_bed": {"temperature": 59.96, "target": 60.0},
    "extruder": {"temperature": 200.04, "target": 200.0},
    "extruder1": {"temperature": 30.0, "target": 0.0},
}  # fmt: skip


def look(state: str = "ready", metadata: Any = None, **changed: dict[str, Any]) -> PrinterLook:
    objects = {name: fields | changed.get(name, {}) for name, fields in OBJECTS.items()}
    return PrinterLook(state, objects, ["extruder", "extruder1"], "v0.12.0", "cartesian", metadata)


def panel(responses: Responses | None = None) -> PanelStatus:
    return PanelStatus("Voron", ["LOAD"], responses or Responses([]))


def test_an_idle_printer_in_full():
    status = panel()
    assert status.answer(StatusQuery(1), look(), 0.0) == {
        "status": "I", **MACROS, "myName": "Voron", "firmwareName": "Repetier | Klipper v0.12.0",
        "numTools": 2, "geometry": "cartesian", "axes": 3, "babystep": 0.05,
        "pos": [1.23, 2.35, 3.46], "homed": [1, 0, 1], "sfactor": 105.0, "efactor": [98.0, 98.0],
        "fanPercent": [50.5], "heaters": [60.0, 200.0, 30.0], "active": [60.0, 200.0, 0.0],
        "standby": [60.0, 200.0, 0.0], "hstat": [2, 1, 0], "tool": 1, "extr": [0.0, 42.0],
    }  # fmt: skip
    second = status.answer(StatusQuery(0), look(), 1.0)
    assert not {"dir", "files", "myName", "firmwareName", "axes"} & set(second)


def test_decimals():
    """As many as the display shows: more of them would not fit."""
    changed = look(
        fan={"speed": 0.55678},
        gcode_move={"extrude_factor": 0.987654},
        extruder={"target": 199.96},
        print_stats={"state": "printing"},
        virtual_sdcard={"progress": 0.123456},
    )
    answer = panel().answer(StatusQuery(0), changed, 0.0)
    assert (answer["fanPercent"], answer["efactor"]) == ([55.7], [98.77, 98.77])
    assert (answer["active"], answer["standby"]) == ([60.0, 200.0, 0.0],) * 2
    assert (answer["fraction_printed"], answer["timesLeft"]) == (0.123, [710])


def test_macros_are_told_again_after_a_silence():
    status = panel()
    asked = [0.0, 5.0, 15.0, 25.1]
    assert ["dir" in status.answer(StatusQuery(0), look(), at) for at in asked] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_printer_that_is_not_ready():
    status = panel()
    assert status.answer(StatusQuery(), look("startup"), 0.0) == {"status": "O", **MACROS}
    for state in ("startup", "error", "disconnected", "strange"):
        assert status.answer(StatusQuery(), look(state), 1.0) == {"status": "O"}
    assert status.answer(StatusQuery(), look("shutdown"), 2.0)["status"] == "S"
    assert status.answer(StatusQuery(), PrinterLook("shutdown"), 3.0) == {"status": "S"}


def test_states_follow_each_other():
    status = panel()
    printing = {"print_stats": {"state": "printing"}}
    pausing = {"print_stats": {"state": "paused"}, "idle_timeout": {"state": "Printing"}}
    paused = {"print_stats": {"state": "paused"}, "idle_timeout": {"state": "Ready"}}
    seen = [
        status.answer(StatusQuery(0), look(**one), 0.0)["status"]
        for one in (printing, pausing, pausing, paused, pausing, printing, printing, {})
    ]
    assert "".join(seen) == "PDDAARPI"


def test_a_response_is_told_once_and_to_who_counts_them():
    responses = Responses([])
    status = panel(responses)
    responses.put("!! Probe triggered")
    assert "resp" not in status.answer(StatusQuery(0), look(), 0.0)
    told = status.answer(StatusQuery(0, 3), look(), 0.0)
    assert (told["seq"], told["resp"]) == (4, "!! Probe triggered")
    assert "seq" not in status.answer(StatusQuery(0, 4), look(), 0.0)


def test_a_message_is_told_when_it_changes():
    status = panel()

    def message(text: str | None) -> Any:
        shown = look(display_status={"message": text})
        return status.answer(StatusQuery(0), shown, 0.0).get("message")

    told = [message(text) for text in (None, "Hi", "Hi", "Ho", None, None)]
    assert told == [None, "Hi", None, "Ho", "", None]


def test_the_time_that_is_left():
    half = {"virtual_sdcard": {"progress": 0.5}}
    printing: dict[str, dict[str, Any]] = {"print_stats": {"state": "printing"}, **half}

    def left(metadata: Any = None, **changed: Any) -> Any:
        return panel().answer(StatusQuery(0), look(metadata=metadata, **changed), 0.0)

    assert left(**half).get("timesLeft") is None
    assert left(**printing)["timesLeft"] == [100]
    assert left(**printing)["fraction_printed"] == 0.5
    assert left({"estimated_time": 9}, **printing)["timesLeft"] == [100]
    assert left({"estimated_time": 1000}, **printing)["timesLeft"] == [500]
    full = {"estimated_time": 1000, "filament_total": 1000, "object_height": 5}
    assert left(full, **printing)["timesLeft"] == [500, 750, 0]
    assert "timesLeft" not in left(full, print_stats={"state": "printing"})


def test_the_time_that_is_left_by_the_plan():
    printing = {"state": "printing"}
    half = {"progress": 0.5}
    full = {"estimated_time": 1000, "filament_total": 1000, "object_height": 5}

    def left(planned: float, metadata: Any) -> Any:
        seen = look(metadata=metadata, print_stats=printing, virtual_sdcard=half)
        planned_look = msgspec.structs.replace(seen, time_left=planned)
        return panel().answer(StatusQuery(0), planned_look, 0.0)["timesLeft"]

    assert left(321.9, None) == [321]
    assert left(321.9, full) == [321, 750, 0]
    assert left(-0.5, full) == [0, 750, 0]


def test_a_printer_without_most_of_it():
    bare = PrinterLook("ready", {"toolhead": {"position": [1, None], "homed_axes": None}})
    assert panel().answer(StatusQuery(0), bare, 0.0) == {
        "status": "I", **MACROS, "babystep": 0.0, "pos": [1.0, 0.0, 0.0], "homed": [0, 0, 0],
        "sfactor": 0.0, "heaters": [], "active": [], "standby": [], "hstat": [],
    }  # fmt: skip
