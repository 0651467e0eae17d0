"""ideaMaker: a header of `;Key #1: value` lines, filament and time at the end.

Weights are not written; they follow from length, diameter and density (kg/m3) of each filament.
"""

import math
import re

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.text import GcodeText, Layout
from mrk.gcode.values import NUMBER, decimal, decimals, one_or_many, tidy

PLACES = (
    FieldPlace("estimated_time", decimal, "Print Time", summary=True),
    FieldPlace("filament_type", one_or_many, "Filament type"),
    FieldPlace("filament_name", one_or_many, "Filament name"),
)
_USED = re.compile(rb"\n;Material.\d{1,3} Used: *+(" + NUMBER + rb")")
_DIAMETER = re.compile(rb"\n;Filament Diameter .\d{1,3}: *+(" + NUMBER + rb")")
_DENSITY = re.compile(rb"\n;Filament Density .\d{1,3}: *+(" + NUMBER + rb")")
_TYPE = re.compile(rb"\n;Filament Type .\d{1,3}: *+([^\r\n]{1,200}+)")
_NAME = re.compile(rb"\n;Filament Name .\d{1,3}: *+([^\r\n]{1,200}+)")
_LAYER = re.compile(rb"\n;LAYER:(-?\d{1,7})\r?\n(?:[^\n]{0,80}+\n)?;HEIGHT:(" + NUMBER + rb")")
_COUNT = re.compile(rb"\n;LAYER:(\d{1,7})\r?\n")


def _finish(text: GcodeText, found: Found) -> None:
    for field, pattern in (("filament_type", _TYPE), ("filament_name", _NAME)):
        quoted = b";".join(
            b'"%s"' % name.replace(b'"', b"") for name in text.find_all(pattern, summary=False)
        )
        if value := one_or_many(quoted):
            found[field] = value
    layers = {int(index): float(height) for index, height in _LAYER.findall(text.header)[:50]}
    offer(found, "first_layer_height", layers.get(0))
    offer(found, "layer_height", layers.get(1))
    counts = [int(index) for index in _COUNT.findall(text.footer)]
    offer(found, "layer_count", max(counts) + 1 if counts else None)
    bounds = decimals((text.value(b"Bounding Box") or b"").replace(b" ", b";")) or []
    offer(found, "object_height", bounds[5] if len(bounds) == 6 else text.highest_height)
    plate = decimals((text.value(b"Dimension") or b"").replace(b" ", b";")) or []
    offer(found, "nozzle_diameter", plate[3] if len(plate) > 3 else None)
    _fill_filament(text, found)


def _fill_filament(text: GcodeText, found: Found) -> None:
    lengths = [float(raw) for raw in text.find_all(_USED)]
    if not lengths:
        return
    found["filament_total"] = tidy(sum(lengths))
    diameters = [float(raw) for raw in text.find_all(_DIAMETER, summary=False)]
    densities = [float(raw) for raw in text.find_all(_DENSITY, summary=False)]
    if len(lengths) == len(diameters) == len(densities):
        weights = [
            round(math.pi / 4 * diameter**2 * length * density / 1e6, 3)
            for length, diameter, density in zip(lengths, diameters, densities, strict=True)
        ]
        found["filament_weights"] = weights
        found["filament_weight_total"] = round(sum(weights), 3)


FAMILY = SlicerFields(PLACES, _finish, Layout(summary_at_end=True))
