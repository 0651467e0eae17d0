"""KISSlicer: settings at the top as `; key = value`, a summary at the end, time in MINUTES.

A negative thickness is a percentage of the nozzle; what the layers really got stands in their
`BEGIN_LAYER_OBJECT z=0.278 z_thickness=0.278` lines, and that is taken where it is given.
"""

import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, number, offer
from mrk.gcode.text import GcodeText, Layout
from mrk.gcode.values import NUMBER, decimal, first_decimal, text, tidy

PLACES = (
    FieldPlace("nozzle_diameter", decimal, "nozzle_dia_1"),
    FieldPlace("filament_name", text, "material_name"),
    FieldPlace("first_layer_extr_temp", first_decimal, "first_layer_C"),
    FieldPlace("first_layer_bed_temp", first_decimal, "bed_C"),
    FieldPlace("chamber_temp", first_decimal, "chamber_C"),
)
_MINUTES = rb"[^\n:]{0,40} Build Time: *+(" + NUMBER + rb") min"
_CALCULATED = re.compile(rb"\n; *+Calculated" + _MINUTES)
_ESTIMATED = re.compile(rb"\n; *+Estimated" + _MINUTES)
_FILAMENT = re.compile(rb"\n; *+Ext #?\d{1,3} *+= *+(" + NUMBER + rb") *+mm")
_BEGIN = re.compile(rb"\n; BEGIN_LAYER_OBJECT z=(" + NUMBER + rb") z_thickness=(" + NUMBER + rb")")
_END = re.compile(rb"\n; END_LAYER_OBJECT z=(" + NUMBER + rb")")


def _finish(text: GcodeText, found: Found) -> None:
    calculated, estimated = (text.find_all(pattern) for pattern in (_CALCULATED, _ESTIMATED))
    for raw in (*calculated, *estimated)[:1]:
        found["estimated_time"] = round(float(raw) * 60, 2)
    lengths = [float(raw) for raw in text.find_all(_FILAMENT)]
    if lengths:
        found["filament_total"] = tidy(sum(lengths))
    heights = [float(raw) for raw in _END.findall(text.footer)]
    offer(found, "object_height", max(heights, default=None))
    layers = [float(thickness) for _, thickness in _BEGIN.findall(text.header)[:2]]
    thicknesses = {
        "first_layer_height": layers[0] if layers else None,
        "layer_height": layers[1] if len(layers) > 1 else None,
    }
    for field, key in (("first_layer_height", b"first_layer_thickness_mm"),
                       ("layer_height", b"max_layer_thickness_mm")):  # fmt: skip
        offer(found, field, thicknesses[field] or _thickness(text, found, key))


def _thickness(text: GcodeText, found: Found, key: bytes) -> float | None:
    value = decimal(text.value(key) or b"")
    if value is None or value >= 0:
        return value or None
    diameter = number(found, "nozzle_diameter")
    return tidy(-value / 100 * diameter) if diameter else None


FAMILY = SlicerFields(PLACES, _finish, Layout(summary_at_end=True))
