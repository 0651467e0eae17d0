"""What a printer's moves are limited by, as Klipper's configuration names it.

Frozen: an estimate belongs to one set of limits, and `fingerprint` tells whether it still holds.
Units are mm, s, mm/s and mm/s2.
"""

import math

import msgspec

from mrk.short_digests import sha256

# klippy/kinematics/extruder.py: area of 1.75 mm filament.
FILAMENT_MM = 1.75
TOOLS_LIMIT = 16
# Grows when plans tell what older ones did not.
_PLAN_VERSION = b"2"


class Extruder(msgspec.Struct, frozen=True):
    """PrinterLimits of one extruder; `filament_area` in mm2."""

    max_velocity: float
    max_accel: float
    instant_corner_velocity: float = 1.0
    filament_area: float = math.pi * (FILAMENT_MM / 2) ** 2


class Retraction(msgspec.Struct, frozen=True):
    """`[firmware_retraction]` with Klipper's defaults."""

    retract_length: float = 0.0
    retract_speed: float = 20.0
    unretract_extra_length: float = 0.0
    unretract_speed: float = 10.0


class Slowdown(msgspec.Struct, frozen=True):
    """Where a kinematics slows moves that leave its comfortable part.

    `radius` (delta): half speed beyond `first`, a quarter beyond `second`, both in mm2 from the
    middle; `x` (deltesian): the same of X; `turn` (polar): at most `first` radians a second.
    """

    kind: str
    first: float
    second: float = 0.0


class PrinterLimits(msgspec.Struct, frozen=True):
    """All that a plan depends on besides the file.

    `z_ratio` false: Z limits apply to the move as it is (rotary delta). `arc_mm` and `retraction`
    are None where Klipper does not know the commands. `home`: where G28 leaves the toolhead.
    """

    max_velocity: float = 300.0
    max_accel: float = 3000.0
    minimum_cruise_ratio: float = 0.5
    square_corner_velocity: float = 5.0
    max_z_velocity: float = 300.0
    max_z_accel: float = 3000.0
    z_ratio: bool = True
    slowdown: Slowdown | None = None
    arc_mm: float | None = None
    retraction: Retraction | None = None
    extruders: tuple[Extruder, ...] = (Extruder(79.8253, 798.253),)
    home: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def fingerprint(self) -> str:
        """Short text that differs between limits that give different plans."""
        return sha256(_PLAN_VERSION + msgspec.json.encode(self)).hexdigest()[:16]


DEFAULT_LIMITS = PrinterLimits()


def extrude_only_default(limit: float, nozzle_mm: float, filament_area: float) -> float:
    """Klipper's limit of extrude-only moves where none is configured."""
    return limit * 4.0 * nozzle_mm**2 / filament_area
