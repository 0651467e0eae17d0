"""Slic3r and Slic3r Prusa Edition: PrusaSlicer's ancestors, with a summary of their own.

Filament stands in one line a tool, `; filament used = 292.9mm (0.7cm3)` and `= 0.9g`, or as a
list on one line; builds of 1.3.1 write `; filament_length_m = 0.2904`, in metres.
"""

import re

from mrk.gcode.field_table import Found, SlicerFields, offer
from mrk.gcode.slicers import prusa
from mrk.gcode.text import GcodeText
from mrk.gcode.values import NUMBER, decimal, tidy, total

_USED = re.compile(rb"\n; filament used = ([^\r\n(]{1,400}+)")
_LENGTH = re.compile(rb"(" + NUMBER + rb")[ \t]?mm")
_WEIGHT = re.compile(rb"(" + NUMBER + rb")[ \t]?g\b")


def _finish(text: GcodeText, found: Found) -> None:
    used = text.find_all(_USED)
    lengths = [float(mm) for line in used for mm in _LENGTH.findall(line)]
    weights = [float(g) for line in used for g in _WEIGHT.findall(line)]
    if lengths:
        found["filament_total"] = tidy(sum(lengths))
    elif (raw := text.value(b"filament_length_m", summary=True)) and (
        metres := total(raw)
    ) is not None:
        found["filament_total"] = tidy(metres * 1000)
    if weights:
        found["filament_weights"] = weights
    if raw := text.value(b"filament mass_g", b"filament_mass_g", summary=True):
        offer(found, "filament_weight_total", decimal(raw))
    prusa.finish(text, found)


FAMILY = SlicerFields((*prusa.SETTINGS, *prusa.FIRST_LAYER), _finish, prusa.LAYOUT, images=False)
PRUSA_EDITION = SlicerFields(
    (*prusa.SETTINGS, *prusa.FIRST_LAYER, *prusa.SUMMARY), _finish, prusa.LAYOUT, images=False
)
