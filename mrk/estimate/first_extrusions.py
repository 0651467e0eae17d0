"""Whether a file that does not say so means its E values relative.

Klipper begins absolute; a start macro may have said M83. The values tell: those of a file that
counts on only grow, but for retractions; single ones are small and go up and down.
"""

import re

_LINE = re.compile(
    rb"^[ \t]*(?:(M8[23])\b|(G92)\b"
    rb"|G[123][ \t][^;\r\n]{0,60}?[XY][^;\r\n]{0,60}?E(-?[0-9]*\.?[0-9]+))",
    re.MULTILINE,
)
# Fewer pairs of values are no evidence, more are not needed.
LEAST_PAIRS = 4
PAIRS_LIMIT = 500


def begins_relative(head: bytes) -> bool:
    """What the first extrusions of a file look like, up to the first M82 or M83."""
    before: float | None = None
    pairs = falls = 0
    for found in _LINE.finditer(head):
        if found[1] or pairs >= PAIRS_LIMIT:
            break
        if found[2]:
            before = None
            continue
        value = float(found[3][:32])
        if before is not None:
            pairs += 1
            falls += value <= before
        before = value
    return pairs >= LEAST_PAIRS and falls * 4 > pairs
