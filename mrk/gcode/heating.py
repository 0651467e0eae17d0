"""First-layer temperatures from the commands that heat, for files that do not declare them.

In this order: waiting commands (M109, M190, M191), the start macro (`START_PRINT
EXTRUDER_TEMP=220 BED_TEMP=60`), setting commands (M104, M140, M141, `G10 P0 S195`). Zero means
off and is passed over.
"""

import re

from mrk.gcode.field_table import Found, number
from mrk.gcode.source import COMMAND
from mrk.gcode.values import NUMBER

HEATING_BYTES = 128 * 1024  # from the first command on; a printer heats before it prints
_COMMAND = rb"\n[ \t]{0,8}+%s(?=[ \t])([^\n;]{1,200}+)"
_SET = re.compile(rb"[ \t][SR](" + NUMBER + rb")")
_TOOL_SET = re.compile(rb"[ \t][SRP](" + NUMBER + rb")")  # M104 P200 in the Mach3 flavour
_MACRO = re.compile(
    rb"\n[ \t]{0,8}+_?(?i:START_PRINT|PRINT_START|START_GCODE|BEGIN_PRINT|PRINT_BEGIN)"
    rb"(?=[ \t])([^\n;]{1,500}+)"
)
_WORD = re.compile(rb"([A-Za-z_]\w{0,40}+)[ \t]?=[ \t]?(" + NUMBER + rb")")
_LAYER = rb"(?:_?(?:INITIAL|INITIAL_LAYER|FIRST_LAYER|0))?"
_FIRST = rb"(?:FIRST_LAYER_|INITIAL_|T_)?"
# A macro has other words, too: `TOOL=1`, `NOZZLE=0.4`, `BED_MESH=1`, `CHAMBER_SOAK=10`. What says
# nothing of a temperature counts by its whole name, and a number only if anybody heats to it.
_MACRO_WORDS = {
    "first_layer_bed_temp": (
        re.compile(
            rb"\w*BED_?\w*TEMP\w*|" + _FIRST + rb"(?:HEAT(?:ED)?_?|HOT_?|PRINT_?)?BED" + _LAYER
        ),
        20,
    ),
    "chamber_temp": (re.compile(rb"\w*CHAMBER_?\w*TEMP\w*|" + _FIRST + rb"CHAMBER" + _LAYER), 20),
    "first_layer_extr_temp": (
        re.compile(
            _FIRST + rb"(?:(?:EXTRUDER|HOTEND|NOZZLE|TOOL|PRINT)?_?TEMP(?:ERATURE)?"
            rb"|EXTRUDER|HOTEND|NOZZLE)" + _LAYER
        ),
        50,
    ),
}
_WAITING = {"first_layer_extr_temp": b"M109", "first_layer_bed_temp": b"M190",
            "chamber_temp": b"M191"}  # fmt: skip
_SETTING = {"first_layer_extr_temp": b"M104", "first_layer_bed_temp": b"M140",
            "chamber_temp": b"M141"}  # fmt: skip
_WAITING_PATTERNS = {f: re.compile(_COMMAND % code) for f, code in _WAITING.items()}
_SETTING_PATTERNS = {f: re.compile(_COMMAND % code) for f, code in _SETTING.items()}
_OFFSET = re.compile(_COMMAND % b"G10")
_COMMANDS_LIMIT = 50  # of one kind looked at before giving up


def fill_temperatures(header: bytes, found: Found, *, bed_by_m109: bool = False) -> None:
    """Add the temperatures that are missing or declared as 0 and yet heated for.

    `bed_by_m109`: the flavours (sailfish, makerware) in which M109 waits for the bed.
    """
    missing = [field for field in _WAITING if not number(found, field)]
    first = COMMAND.search(header) if missing else None
    if first is None:
        return
    header = _heating_part(header, first.start())
    macro = macro_temperatures(header)
    for field in missing:
        waiting = _WAITING_PATTERNS[field]
        if bed_by_m109:
            waiting = _WAITING_PATTERNS["first_layer_extr_temp"]
        value = None
        if not (bed_by_m109 and field != "first_layer_bed_temp"):
            value = _first_set(waiting, header, _SET)
        value = value or macro.get(field) or _first_set(_SETTING_PATTERNS[field], header, _TOOL_SET)
        if not value and field == "first_layer_extr_temp":
            value = _first_set(_OFFSET, header, _SET)
        if value:
            found[field] = value


def _heating_part(header: bytes, first: int) -> bytes:
    part = header[first : first + HEATING_BYTES]
    last = header.rfind(b"\nEXCLUDE_OBJECT_DEFINE", first + HEATING_BYTES)
    if last >= 0:  # many outlines stand before the first heating
        part += header[last : last + HEATING_BYTES]
    return part


def macro_temperatures(header: bytes) -> dict[str, float]:
    """Temperatures handed to the start macro, by field name."""
    found: dict[str, float] = {}
    match = _MACRO.search(header)
    for name, value in _WORD.findall(match[1]) if match else ():
        for field, (word, lowest) in _MACRO_WORDS.items():
            if word.fullmatch(name.upper()) and float(value) >= lowest:
                found.setdefault(field, float(value))
    return found


def _first_set(
    command: re.Pattern[bytes], header: bytes, setting: re.Pattern[bytes]
) -> float | None:
    for count, match in enumerate(command.finditer(header)):
        value = setting.search(match[1])
        if value and float(value[1]) > 0:
            return float(value[1])
        if count >= _COMMANDS_LIMIT:
            break
    return None
