"""Heights measured from the moves, for files whose slicer does not declare them.

Only moves that extrude while they travel in X or Y count: hops, parking and the lift at the end
of a print do not.
"""

import re

from mrk.gcode.values import NUMBER

HEIGHTS_LIMIT = 100_000
_MOVE = re.compile(rb"\n[ \t]{0,8}+G0?[0-3][ \t]([^;\n]{1,160}+)")
_Z = re.compile(rb"Z(" + NUMBER + rb")")


def extruded_heights(text: bytes) -> tuple[float, float] | None:
    """Lowest and highest Z in mm at which the text extrudes; None if it never does."""
    heights: set[float] = set()
    z: float | None = None
    counted = True
    for words in _MOVE.findall(text):
        if b"Z" in words and (match := _Z.search(words)):
            z = float(match[1])
            counted = z in heights
        if counted or z is None or b"E" not in words or b"E-" in words:
            continue
        if b"X" in words or b"Y" in words:
            heights.add(z)
            counted = True
            if len(heights) >= HEIGHTS_LIMIT:
                break
    return (min(heights), max(heights)) if heights else None
