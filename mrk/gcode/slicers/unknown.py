"""Files that name no slicer: heights from the moves, temperatures from the commands.

Cura-like header lines (`;Layer height: 0.20`, `;TIME:348`) are common among small slicers and
post-processors, and are believed.
"""

from mrk.gcode.places import Family, Found, Place, offer
from mrk.gcode.text import GcodeText
from mrk.gcode.values import decimal, whole

PLACES = (
    Place("layer_height", decimal, "Layer height"),
    Place("layer_count", whole, "LAYER_COUNT"),
    Place("estimated_time", decimal, "TIME"),
)


def _finish(text: GcodeText, found: Found) -> None:
    offer(found, "first_layer_height", text.lowest_height)
    offer(found, "object_height", text.highest_height)


FAMILY = Family(PLACES, _finish)
