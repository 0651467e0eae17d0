"""Kiri:Moto and SimplyPrint: settings at the top as `; key = value`, a summary at the end.

`firstLayerNozzleTemp = 0` means the temperature of all layers, `outputTemp`.
"""

import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, number, offer
from mrk.gcode.text import GcodeText, Layout
from mrk.gcode.values import NUMBER, decimal, duration, first_decimal

PLACES = (
    FieldPlace("layer_height", decimal, "sliceHeight"),
    FieldPlace("first_layer_height", decimal, "firstSliceHeight"),
    FieldPlace("estimated_time", duration, "--- print time", summary=True),
    FieldPlace("filament_total", decimal, "--- filament used", summary=True),
    FieldPlace("first_layer_extr_temp", first_decimal, "firstLayerNozzleTemp"),
    FieldPlace("first_layer_bed_temp", first_decimal, "firstLayerBedTemp"),
)
_LAYER = re.compile(rb"\n;; --- layer (\d{1,7}) \((?:" + NUMBER + rb" @ (" + NUMBER + rb")\))?")
_ALL_LAYERS = {"first_layer_extr_temp": b"outputTemp", "first_layer_bed_temp": b"outputBedTemp"}


def _finish(text: GcodeText, found: Found) -> None:
    for field, key in _ALL_LAYERS.items():
        if (
            not number(found, field)
            and (value := first_decimal(text.value(key) or b"")) is not None
        ):
            found[field] = value
    layers = _LAYER.findall(text.footer)
    if layers:
        found["layer_count"] = int(layers[-1][0]) + 1
    height = decimal(layers[-1][1]) if layers else None
    offer(found, "object_height", height or text.highest_height)


FAMILY = SlicerFields(PLACES, _finish, Layout(summary_at_end=True))
