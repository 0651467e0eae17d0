"""Files that name no slicer: heights from the moves, temperatures from the commands.

Cura-like header lines (`;Layer height: 0.20`, `;TIME:348`) are common among small slicers and
post-processors, and are believed.
"""

from mrk.gcode.field_table import FieldPlace, Found, SlicerFields, offer
from mrk.gcode.text import GcodeText
from mrk.gcode.values import decimal, whole

PLACES = (
    FieldPlace("layer_height", decimal, "Layer height"),
    FieldPlace("layer_count", whole, "LAYER_COUNT"),
    FieldPlace("estimated_time", decimal, "TIME"),
)


def _finish(text: GcodeText, found: Found) -> None:
    offer(found, "first_layer_height", text.lowest_height)
    offer(found, "object_height", text.highest_height)


FAMILY = SlicerFields(PLACES, _finish)
