"""Simplify3D: settings at the top as `;   key,value`, a build summary in words at the end.

Temperatures stand in parallel lists up to version 4, in a block a controller from version 5 on.
"""

import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.text import GcodeText, Layout
from mrk.gcode.values import decimal, duration, first_decimal, text, texts, total

PLACES = (
    FieldPlace("layer_height", decimal, "layerHeight"),
    FieldPlace("filament_name", text, "printMaterial"),
    # The last one is a default of the MakerBot tab that nobody touches.
    FieldPlace(
        "filament_type", text, "autoConfigurationMaterial", "printMaterial", "makerBotModelMaterial"
    ),
    FieldPlace("nozzle_diameter", first_decimal, "extruderDiameter", "nozzleDiameter"),
    FieldPlace("filament_total", total, "Filament length", "Material Length", summary=True),
    FieldPlace("filament_weight_total", total, "Plastic weight", "Material Weight", summary=True),
    FieldPlace("estimated_time", duration, "Build time", "Build Time", summary=True),
)
_CONTROLLERS_LIMIT = 16
_BLOCK_BYTES = 2048  # a controller has about eight lines
_KIND = re.compile(rb"temperatureType,(\w{1,40}+)")
_SETPOINT = re.compile(rb"temperatureSetpoints,\d{1,6}\|(\d[\d.]{0,8}+)")
_FIELDS = {b"extruder": "first_layer_extr_temp", b"platform": "first_layer_bed_temp"}
_LAYER = re.compile(rb"\n; layer \d{1,7}, Z = (\d[\d.]{0,12}+)")


def _finish(text: GcodeText, found: Found) -> None:
    names = texts(text.value(b"temperatureName") or b"")
    setpoints = (text.value(b"temperatureSetpointTemperatures") or b"").split(b",")
    degrees = [first_decimal(setpoint) for setpoint in setpoints]
    by_name = dict(zip(names, degrees, strict=False))
    offer(
        found, "first_layer_extr_temp", by_name.get("Extruder 1", by_name.get("Primary Extruder"))
    )
    offer(found, "first_layer_bed_temp", by_name.get("Heated Bed"))
    for block in text.header.split(b"temperatureController,", _CONTROLLERS_LIMIT)[1:]:
        block = block[:_BLOCK_BYTES]
        kind, setpoint = _KIND.search(block), _SETPOINT.search(block)
        if kind and setpoint and kind[1] in _FIELDS:
            offer(found, _FIELDS[kind[1]], decimal(setpoint[1]))
    offer(found, "first_layer_height", text.lowest_height)
    layers = _LAYER.findall(text.footer)
    offer(found, "object_height", decimal(layers[-1]) if layers else text.highest_height)


FAMILY = SlicerFields(PLACES, _finish, Layout(summary_at_end=True))
