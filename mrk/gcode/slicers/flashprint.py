"""FlashPrint (`ffslicer`): a short header of `;key: value` lines, nothing at the end.

Its `.gx` container puts a binary head and a bitmap before the same text.
"""

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.text import GcodeText
from mrk.gcode.values import decimal, first_decimal, text, whole

PLACES = (
    FieldPlace("layer_height", decimal, "layer_height"),
    FieldPlace("layer_count", whole, "layer_total_count", "layer_count"),
    FieldPlace("filament_type", text, "right_extruder_material"),
    FieldPlace("first_layer_extr_temp", first_decimal, "right_extruder_temperature"),
    FieldPlace("first_layer_bed_temp", first_decimal, "platform_temperature"),
    FieldPlace("printer_model", text, "machine_type"),
)


def _finish(text: GcodeText, found: Found) -> None:
    first = decimal(text.value(b"right_extruder_temperature_raft0") or b"")
    if first:
        found["first_layer_extr_temp"] = first
    offer(found, "first_layer_height", text.lowest_height)
    offer(found, "object_height", text.highest_height)


FAMILY = SlicerFields(PLACES, _finish)
