"""IceSL: every setting at the top as `; key : <tab>value`; it declares no length or time of its own
unless newer builds do (`filament_used_mm`, `estimated_print_time_s`).
"""

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.text import GcodeText
from mrk.gcode.values import decimal, text, whole

PLACES = (
    FieldPlace("layer_height", decimal, "z_layer_height_mm"),
    FieldPlace("first_layer_height", decimal, "z_layer_height_first_layer_mm"),
    FieldPlace("object_height", decimal, "print_height_mm"),
    FieldPlace("first_layer_extr_temp", decimal, "extruder_temp_degree_c_0"),
    FieldPlace("first_layer_bed_temp", decimal, "bed_temp_degree_c"),
    FieldPlace("chamber_temp", decimal, "chamber_temp_degree_c"),
    FieldPlace("nozzle_diameter", decimal, "nozzle_diameter_mm_0"),
    FieldPlace("filament_total", decimal, "filament_used_mm"),
    FieldPlace("filament_weight_total", decimal, "filament_used_g"),
    FieldPlace("filament_name", text, "filament_name"),
    FieldPlace("filament_type", text, "filament_type"),
    FieldPlace("estimated_time", decimal, "estimated_print_time_s"),
    FieldPlace("layer_count", whole, "layer_count"),
)


def _finish(text: GcodeText, found: Found) -> None:
    if "object_height" not in found:
        offer(found, "object_height", text.highest_height)


FAMILY = SlicerFields(PLACES, _finish)
