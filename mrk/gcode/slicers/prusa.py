"""PrusaSlicer and its forks: SuperSlicer, OrcaSlicer, QIDISlicer, Creality Print and others.

The configuration block stands at the end, in some OrcaSlicer builds at the top, as `; key = value`;
OrcaSlicer's header block has `; key: value` lines of its own.
"""

import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, number, offer
from mrk.gcode.text import GcodeText, Layout
from mrk.gcode.values import (
    decimal,
    decimals,
    duration,
    first_decimal,
    integers,
    nozzle,
    one_or_many,
    text,
    texts,
    tidy,
    tools_from_1,
    total,
    whole,
)

SETTINGS = (
    FieldPlace("layer_height", decimal, "layer_height"),
    FieldPlace("nozzle_diameter", nozzle, "nozzle_diameter"),
    FieldPlace("filament_type", one_or_many, "filament_type"),
    FieldPlace("filament_name", one_or_many, "filament_settings_id"),
    FieldPlace("filament_colors", texts, "filament_colour"),
    FieldPlace("extruder_colors", texts, "extruder_colour"),
    FieldPlace("filament_temps", integers, "temperature", "nozzle_temperature"),
    FieldPlace("referenced_tools", integers, "referenced_tools"),
    FieldPlace("referenced_tools", tools_from_1, "filament", summary=True),
    FieldPlace("mmu_print", whole, "single_extruder_multi_material"),
    FieldPlace("filament_change_count", whole, "total toolchanges", "total filament change",
          summary=True),
    FieldPlace("printer_vendor", text, "printer_vendor"),
    FieldPlace("printer_model", text, "printer_model"),
    FieldPlace("printer_variant", text, "printer_variant"),
    FieldPlace("profile_version", text, "profile_version"),
)  # fmt: skip
FIRST_LAYER = (
    FieldPlace("first_layer_extr_temp", first_decimal, "first_layer_temperature",
          "nozzle_temperature_initial_layer"),
    FieldPlace("first_layer_bed_temp", first_decimal, "first_layer_bed_temperature"),
    FieldPlace("chamber_temp", first_decimal, "chamber_temperature", "chamber_temperatures"),
)  # fmt: skip
SUMMARY = (
    FieldPlace("estimated_time", duration, "estimated printing time (normal mode)",
          "estimated printing time", "total estimated time", summary=True),
    FieldPlace("layer_count", whole, "total layers count", "total layer number", summary=True),
    FieldPlace("object_height", first_decimal, "max_z_height", summary=True),
    FieldPlace("filament_total", total, "filament used [mm]", summary=True),
    FieldPlace("filament_weights", decimals, "filament used [g]", summary=True),
    FieldPlace("filament_weight_total", decimal, "total filament used [g]", summary=True),
)  # fmt: skip
LISTS = ("filament_colors", "extruder_colors", "filament_temps", "referenced_tools")

_LAYER_Z = re.compile(
    rb"\n;(?:BEFORE_LAYER_CHANGE\r?\n(?:[^\n;][^\n]{0,200}+\n)?;|Z:)(\d[\d.]{0,12}+)"
)
# Creality Print puts the total behind the cost, on one line.
_WEIGHT_BEHIND = re.compile(
    rb"\n; filament cost = [\d., ]{0,200}+; total filament used \[g\] = (\d[\d.]{0,12}+)"
)


def finish(text: GcodeText, found: Found) -> None:
    """Heights, weights and lists, for every member of the family."""
    offer(found, "first_layer_height", first_layer_height(text, found))
    if not number(found, "object_height"):
        found.pop("object_height", None)
        offer(found, "object_height", object_height(text))
    for raw in text.find_all(_WEIGHT_BEHIND)[:1]:
        offer(found, "filament_weight_total", decimal(raw))
    fill_weight(found)
    if "layer_count" not in found and text.window.whole:
        offer(found, "layer_count", text.header.count(b"\n;LAYER_CHANGE") or None)
    for field in LISTS:
        offer(found, field, [])


def first_layer_height(text: GcodeText, found: Found) -> float | None:
    """In mm; a percentage is one of the layer height."""
    for key in (b"first_layer_height", b"initial_layer_print_height"):
        raw = text.value(key)
        if raw is None or (height := decimal(raw)) is None:
            continue
        if not raw.endswith(b"%"):
            return height
        layer = number(found, "layer_height")
        if layer is not None:
            return tidy(height / 100 * layer)
    return None


def object_height(text: GcodeText) -> float | None:
    """Z of the highest layer that is announced, else of the highest extrusion."""
    announced = [value for raw in _LAYER_Z.findall(text.footer) if (value := decimal(raw))]
    return max(announced) if announced else text.highest_height


def fill_weight(found: Found) -> None:
    """The total weight as the sum of the tools' weights, where only those are given."""
    weights = found.get("filament_weights")
    if isinstance(weights, list):
        grams = [weight for weight in weights if isinstance(weight, int | float)]
        offer(found, "filament_weight_total", tidy(sum(grams)))


LAYOUT = Layout(settings_at_end=True, summary_at_end=True)
FAMILY = SlicerFields((*SETTINGS, *FIRST_LAYER, *SUMMARY), finish, LAYOUT, packaged=True)
