"""How much each extruder pushed, from snapshots of Klipper's `toolhead`.

`toolhead.position[3]` is where the active extruder was told to go, in mm of filament: `M221` is in
it, `G92` is not, and each extruder keeps its own while another is active
(klippy/kinematics/extruder.py, klippy/toolhead.py). All begin at 0 when Klipper starts.
`motion_report` would show the place of this moment, but only while the move is remembered, and of a
shutdown nothing better.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.status.numbers import finite

# Klipper numbers extruders; a broken printer shall not fill the memory.
MOST_EXTRUDERS = 100
# 10 km in one step was never printed; as a report, such a number can spoil Spoolman's database.
MOST_MM = 1e7


class Extrusion(msgspec.Struct):
    """Known places of all extruders within one run of Klipper.

    `from_start` says that the run was followed from its start: an extruder that was not seen yet
    has pushed everything since then.
    """

    places_mm: dict[str, float] = {}
    from_start: bool = False
    eventtime: float = -math.inf
    _extruder: str = ""
    _position_mm: float | None = None

    def take(self, toolhead: Mapping[str, Any], eventtime: float) -> tuple[str, float] | None:
        """Changed fields of `toolhead` -> extruder and net mm; None when nothing moved.

        What is older than the last look is known already.
        """
        if eventtime <= self.eventtime:
            return None
        self.eventtime = eventtime
        self._merge(toolhead)
        name, place_mm = self._extruder, self._position_mm
        if not name or place_mm is None:
            return None
        before_mm = self._before(name, place_mm)
        if before_mm is None:
            return None
        self.places_mm[name] = place_mm
        moved_mm = place_mm - before_mm
        return (name, moved_mm) if 0 < abs(moved_mm) <= MOST_MM else None

    def _before(self, name: str, place_mm: float) -> float | None:
        if name not in self.places_mm and len(self.places_mm) >= MOST_EXTRUDERS:
            return None
        return self.places_mm.get(name, 0.0 if self.from_start else place_mm)

    def _merge(self, toolhead: Mapping[str, Any]) -> None:
        extruder = toolhead.get("extruder")
        if isinstance(extruder, str) and len(extruder) <= 200:
            self._extruder = extruder
        position = toolhead.get("position")
        if isinstance(position, list) and len(position) > 3:
            place_mm = finite(position[3])
            if place_mm is not None:
                self._position_mm = place_mm
