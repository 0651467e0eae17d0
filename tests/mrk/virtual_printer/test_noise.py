"""Any g-code and any params: an answer or a refusal, never an exception, and sane status after."""

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.klippy import Klippy, KlippySettings
from mrk.virtual_printer.memory_folder import MemoryFolder
from mrk.virtual_printer.objects.kinematics import AxisHardware


def all_commands():
    klippy = Klippy(KlippySettings(generic_fans=("f",)), MemoryFolder(), AxisHardware(), 0.0)
    client = klippy.connect()
    request = {"id": 1, "method": "objects/query", "params": {"objects": {"gcode": None}}}
    klippy.receive(client, json.dumps(request).encode())
    klippy.check_status(0.0)
    klippy.advance(0.0)
    (message,) = klippy.take_outgoing()
    return sorted(json.loads(message.payload)["result"]["status"]["gcode"]["commands"])


COMMANDS = all_commands()
VALUES = st.one_of(
    st.sampled_from(
        ["0", "1", "-1", "1e8", "nan", "runout", "x", "extruder", "stepper_x", "relay"]
    ),
    st.floats(-300, 300).map(lambda value: f"{value:.3f}"),
)
LETTERS = st.lists(st.tuples(st.sampled_from("XYZEFSPTIJKR"), VALUES), max_size=4).map(
    lambda pairs: " ".join(name + value for name, value in pairs)
)
NAMES = (
    "NAME SENSOR HEATER PIN VALUE FAN SPEED MACRO VARIABLE STEPPER TARGET FILENAME ENABLE X Y Z "
    "MOVE VELOCITY ACCEL KIND PROFILE LOAD TOTAL_LAYER CURRENT_LAYER CENTER POLYGON"
)
WORDS = st.lists(st.tuples(st.sampled_from(NAMES.split()), VALUES), max_size=4).map(
    lambda pairs: " ".join(f"{name}={value}" for name, value in pairs)
)
LINES = st.lists(
    st.tuples(st.sampled_from([*COMMANDS, "G1", "G1", "G28"]), st.one_of(LETTERS, WORDS)).map(
        " ".join
    ),
    min_size=1,
    max_size=12,
)


def numbers_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, float):
        yield value


@given(LINES)
@settings(max_examples=150, deadline=None)
def test_any_script_leaves_a_printer_that_answers(lines):
    folder = MemoryFolder()
    folder.files["x"] = "\n".join([*lines, ""]).encode()
    macro = MacroSource("X", "\n".join(lines).replace("{", "").replace("%", ""))
    klippy = Klippy(KlippySettings(macros=(macro,)), folder, AxisHardware(), 100.0)
    klippy.start_up()
    client = klippy.connect()
    for line in ["G28", *lines]:
        request = {"id": 1, "method": "gcode/script", "params": {"script": line}}
        klippy.receive(client, json.dumps(request).encode())
    objects = {"toolhead": None, "gcode_move": None, "motion_report": None, "print_stats": None,
               "extruder": None, "heater_bed": None, "virtual_sdcard": None}  # fmt: skip
    request = {"id": 2, "method": "objects/query", "params": {"objects": objects}}
    klippy.receive(client, json.dumps(request).encode())
    for step in range(60):
        now = 100.0 + step
        for _ in range(30):
            if not klippy.advance(now):
                break
        klippy.check_status(now)
    replies = [json.loads(message.payload) for message in klippy.take_outgoing()]
    (status,) = [reply["result"]["status"] for reply in replies if reply.get("id") == 2]
    assert all(math.isfinite(number) for number in numbers_in(status))
