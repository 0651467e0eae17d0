"""Cura and CuraEngine: a header of `;KEY:value` lines, lengths in metres, times in seconds.

CuraEngine without its front end writes a placeholder header (`;TIME:6666`, `;Filament used: 0m`,
`;MINZ:2.14748e+06`); its last `;TIME_ELAPSED` is true, the rest is measured or left out. The
Griffin header of newer Ultimakers (`;PRINT.TIME:`) is read too.
"""

import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.slicers.prusa import fill_weight
from mrk.gcode.text import GcodeText
from mrk.gcode.values import NUMBER, decimal, decimals, first_decimal, text, tidy, whole

_PLAUSIBLE_MM = 100_000


def _height(raw: bytes) -> float | None:
    value = decimal(raw)
    return value if value is not None and 0 < value < _PLAUSIBLE_MM else None


PLACES = (
    FieldPlace("layer_height", decimal, "Layer height"),
    FieldPlace("first_layer_height", _height, "MINZ"),
    FieldPlace("object_height", _height, "MAXZ", "PRINT.SIZE.MAX.Z"),
    FieldPlace("layer_count", whole, "LAYER_COUNT"),
    FieldPlace("filament_type", text, "Filament type", "Material Type"),
    FieldPlace("filament_name", text, "Filament name", "Material Name"),
    FieldPlace("nozzle_diameter", first_decimal, "Nozzle diameter", "NOZZLE_DIAMETER",
          "EXTRUDER_TRAIN.0.NOZZLE.DIAMETER"),
    FieldPlace("first_layer_extr_temp", first_decimal, "EXTRUDER_TRAIN.0.INITIAL_TEMPERATURE"),
    FieldPlace("first_layer_bed_temp", first_decimal, "BUILD_PLATE.INITIAL_TEMPERATURE"),
)  # fmt: skip
_ELAPSED = re.compile(rb"\n;TIME_ELAPSED:(" + NUMBER + rb")")
_PLACEHOLDER_TIME_S = 6666.0
_METRES = re.compile(rb"(" + NUMBER + rb"|\d{1,9},\d{1,9})[ \t]?m(?![m\w])")


def _finish(text: GcodeText, found: Found) -> None:
    used = text.value(b"Filament used") or b""
    metres = [value for raw in _METRES.findall(used) if (value := decimal(raw)) is not None]
    placeholder = bool(metres) and not sum(metres) and "object_height" not in found
    if metres and not placeholder:
        found["filament_total"] = tidy(sum(metres) * 1000)
    _fill_time(text, found, placeholder)
    if raw := text.value(b"Filament weight"):
        weights = decimals(raw.strip(b"[] "))
        if weights:
            found["filament_weights"] = weights
            fill_weight(found)
    if "first_layer_height" not in found:
        offer(found, "first_layer_height", text.lowest_height)
    if "object_height" not in found:
        offer(found, "object_height", text.highest_height)


def _fill_time(text: GcodeText, found: Found, placeholder: bool) -> None:
    for raw in text.values(b"TIME", b"PRINT.TIME", summary=True):
        time_s = decimal(raw)
        if time_s is not None and not (placeholder and time_s == _PLACEHOLDER_TIME_S):
            found["estimated_time"] = time_s
            return
    if times := [float(raw) for raw in _ELAPSED.findall(text.footer)]:
        found["estimated_time"] = max(times)


FAMILY = SlicerFields(PLACES, _finish, packaged=True)
