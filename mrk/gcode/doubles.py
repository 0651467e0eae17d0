"""Of comments with one key in one zone: which is the slicer's own line, which the user's text.

A text follows the line it belongs to, so that the line farther behind such a text is believed. Most
slicers sort their settings: in such a zone the line that stands where its key belongs is believed.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_SETTING = re.compile(rb"[a-z0-9_]+")
_SORTED_LINES = 40  # fewer may be in order by chance
_SORTED_SHARE = 0.9
# The work is one comparison a line and double; slicers write some 600 lines.
_COMPARISONS_LIMIT = 2_000_000


class Line(NamedTuple):
    """A comment; `distance` counts lines since the last text of the user's (infinite: none)."""

    key: bytes
    value: bytes
    distance: float


def chosen(lines: Sequence[Line]) -> dict[bytes, bytes]:
    """The value of each key; of lines that are equal in all respects the first counts."""
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for at, line in enumerate(lines):
        places[line.key].append(at)
    single = [found[0] for found in places.values() if len(found) == 1]
    doubles = len(lines) - len(single)
    single = [at for at in single if _SETTING.fullmatch(lines[at].key)]
    ordered = doubles * len(single) <= _COMPARISONS_LIMIT and _is_sorted(
        [lines[at].key for at in single]
    )

    def rank(at: int) -> tuple[int, float]:
        return (_in_order(lines, single, at) if ordered else 0), lines[at].distance

    return {
        key: lines[found[0] if len(found) == 1 else max(found, key=rank)].value
        for key, found in places.items()
    }


def _is_sorted(keys: Sequence[bytes]) -> bool:
    ordered = sum(one <= other for one, other in pairwise(keys))
    return len(keys) > _SORTED_LINES and ordered >= _SORTED_SHARE * (len(keys) - 1)


def _in_order(lines: Sequence[Line], single: Sequence[int], at: int) -> int:
    """How many of the lines that are not doubted stand on the right side of this one."""
    key = lines[at].key
    return sum((other < at) == (lines[other].key < key) for other in single)
