"""BambuStudio: OrcaSlicer's ancestor; summary and configuration stand at the top.

The bed's temperature depends on the plate that is mounted: `curr_bed_type` names it, and every
kind of plate has a key of its own.
"""

import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.slicers import prusa
from mrk.gcode.text import GcodeText
from mrk.gcode.values import decimal, duration, first_decimal, total, whole

PLACES = (
    *prusa.SETTINGS,
    FieldPlace("estimated_time", duration, "estimated printing time (normal mode)",
          "estimated printing time", summary=True),
    FieldPlace("layer_count", whole, "total layer number", "total layers count", summary=True),
    FieldPlace("object_height", first_decimal, "max_z_height", summary=True),
    FieldPlace("first_layer_height", decimal, "initial_layer_print_height"),
    FieldPlace("filament_total", total, "total filament length [mm]", "filament used [mm]",
          summary=True),
    FieldPlace("filament_weight_total", total, "total filament weight [g]",
          "total filament used [g]", summary=True),
    FieldPlace("first_layer_extr_temp", first_decimal, "nozzle_temperature_initial_layer",
          "first_layer_temperature"),
    FieldPlace("chamber_temp", first_decimal, "chamber_temperatures", "chamber_temperature"),
)  # fmt: skip
_PLATES = {
    b"Cool Plate": b"cool_plate_temp_initial_layer",
    b"Engineering Plate": b"eng_plate_temp_initial_layer",
    b"High Temp Plate": b"hot_plate_temp_initial_layer",
    b"Textured PEI Plate": b"textured_plate_temp_initial_layer",
    b"Supertack Plate": b"supertack_plate_temp_initial_layer",
    b"Textured Cool Plate": b"textured_cool_plate_temp_initial_layer",
}
_TOTAL_TIME = re.compile(
    rb"\n; (?:model printing time: [^\n;]{1,60}+; )?total estimated time: ([^\r\n;]{1,60}+)"
)
_HEIGHT = re.compile(rb"\n; Z_HEIGHT: (\d[\d.]{0,12}+)")


def _finish(text: GcodeText, found: Found) -> None:
    plate = _PLATES.get(text.value(b"curr_bed_type") or b"", b"hot_plate_temp_initial_layer")
    bed = text.value(plate, b"hot_plate_temp_initial_layer", b"first_layer_bed_temperature")
    if bed is not None:
        offer(found, "first_layer_bed_temp", first_decimal(bed))
    for raw in text.find_all(_TOTAL_TIME)[:1]:
        offer(found, "estimated_time", duration(raw))
    if "object_height" not in found:
        heights = [height for z in _HEIGHT.findall(text.footer) if (height := decimal(z))]
        offer(found, "object_height", max(heights, default=None))
    prusa.finish(text, found)


FAMILY = SlicerFields(PLACES, _finish, packaged=True)
