"""Moves of the toolhead under a printer's limits, as Klipper's `Move` and kinematics bound them.

Turns a target and a speed into what the look-ahead wants, and notes what the move is for: its kind,
tool, height and layer. The compiled kernel does the same in C.
"""

import math

from mrk.estimate.lookahead import Lookahead
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.segments import EXTRUDE_ONLY, MOVING, NO_LAYER, OUTPUT, TRAVEL

# Klipper: toolhead.py.
EXTRUDE_ONLY_ACCEL = 99999999.9
LEAST_DISTANCE = 0.000000001
_SQRT2_LESS_1 = math.sqrt(2.0) - 1.0
# A move that rises (a spiral vase) begins a layer when it is this far above the last one.
SPIRAL_UM = 100
# Beyond it heights are one.
HIGHEST = 1e12


class Motion:
    """Where the toolhead is, how fast it may go, and what for."""

    def __init__(self, limits: PrinterLimits, queue: Lookahead) -> None:
        self.x, self.y, self.z = limits.home
        self.e = 0.0
        self.kind = self.object = self.tool = self.sequence = 0
        self.moves = 0
        self.max_velocity = limits.max_velocity
        self.max_accel = limits.max_accel
        self.corner_velocity = limits.square_corner_velocity
        self.cruise_ratio = limits.minimum_cruise_ratio
        self._limits = limits
        self._queue = queue
        self._extruder = limits.extruders[0]
        self._height = MOVING
        self._layer = NO_LAYER
        self._last_z = math.nan
        self._z_um = 0
        self.rename()
        self.set_limits()

    def set_limits(self) -> None:
        """Take over the velocity limits that were changed."""
        corner2 = self.corner_velocity * self.corner_velocity
        self._deviation = corner2 * _SQRT2_LESS_1 / self.max_accel
        self._mcr_accel = self.max_accel * (1.0 - self.cruise_ratio)

    def set_tool(self, tool: int) -> None:
        """Another extruder, with its own limits if it has any."""
        self.tool = tool
        extruders = self._limits.extruders
        self._extruder = extruders[tool] if tool < len(extruders) else extruders[0]
        self.rename()

    def rename(self) -> None:
        """What moves are for has changed."""
        self.key = (self.kind, self.object, self.tool, self._height, self._layer, self.sequence)

    def to(self, x: float, y: float, z: float, e: float, speed: float, offset: int) -> None:
        """A straight move to a place; `offset`: where its line ends in the file."""
        dx, dy, dz, de = x - self.x, y - self.y, z - self.z, e - self.e
        distance = math.sqrt(dx * dx + dy * dy + dz * dz)
        if distance < LEAST_DISTANCE:
            if de:
                self._extrude(de, e, speed, offset)
            return
        inverse = 1.0 / distance
        re = de * inverse
        if speed > self.max_velocity:
            speed = self.max_velocity
        c2 = speed * speed
        accel = self.max_accel
        dv2 = 2.0 * distance * accel
        mcr_dv2 = 2.0 * distance * self._mcr_accel
        if dz or self._limits.slowdown is not None or re < 0.0 or (de and not dx and not dy):
            c2, accel, dv2, mcr_dv2 = self._slow(
                (dx, dy, dz, re), (x, y), distance, c2, accel, mcr_dv2
            )
        motion = OUTPUT if de else TRAVEL
        self._note(z, dz, de)
        self.x, self.y, self.z, self.e = x, y, z, e
        self.moves += 1
        self._queue.add(
            (dx * inverse, dy * inverse, dz * inverse, re),
            (c2, dv2, mcr_dv2, accel, self._deviation),
            distance,
            self._extruder.instant_corner_velocity,
            (self.key, motion, de, offset),
        )

    def _extrude(self, de: float, e: float, speed: float, offset: int) -> None:
        distance = abs(de)
        c2 = speed * speed
        accel = EXTRUDE_ONLY_ACCEL
        mcr_dv2 = 2.0 * distance * self._mcr_accel
        inverse = 1.0 / abs(de * (1.0 / distance))
        extruder = self._extruder
        limit_v = extruder.max_velocity * inverse
        limit_a = extruder.max_accel * inverse
        c2 = min(c2, limit_v * limit_v)
        accel = min(accel, limit_a)
        dv2 = 2.0 * distance * accel
        mcr_dv2 = min(mcr_dv2, dv2)
        self._note(self.z, 0.0, 0.0)
        self.e = e
        self.moves += 1
        self._queue.add(
            (0.0, 0.0, 0.0, 0.0),
            (c2, dv2, mcr_dv2, accel, self._deviation),
            distance,
            0.0,
            (self.key, EXTRUDE_ONLY, de, offset),
        )

    def _slow(
        self,
        direction: tuple[float, float, float, float],
        end: tuple[float, float],
        distance: float,
        c2: float,
        accel: float,
        mcr_dv2: float,
    ) -> tuple[float, float, float, float]:
        """Speed and acceleration under the limits of Z, of the kinematics and of the extruder."""
        dx, dy, dz, re = direction
        limits = self._limits
        bounds = []
        if dz:
            ratio = distance / abs(dz) if limits.z_ratio else 1.0
            z_accel = limits.max_z_accel * ratio if limits.z_ratio else accel
            bounds.append((limits.max_z_velocity * ratio, z_accel))
        if limits.slowdown is not None:
            for velocity, _ in bounds:
                c2 = min(c2, velocity * velocity)
            factor = self._slow_factor(dx, dy, end, c2)
            if factor < 1.0:
                bounds.append((limits.max_velocity * factor, limits.max_accel * factor))
        if re < 0.0 or (re and not dx and not dy):
            inverse = 1.0 / abs(re)
            extruder = self._extruder
            bounds.append((extruder.max_velocity * inverse, extruder.max_accel * inverse))
        for velocity, bound in bounds:
            c2 = min(c2, velocity * velocity)
            accel = min(accel, bound)
        dv2 = 2.0 * distance * accel
        return c2, accel, dv2, min(mcr_dv2, dv2)

    def _slow_factor(self, dx: float, dy: float, end: tuple[float, float], c2: float) -> float:
        """What remains of the printer's limits at the rim, or at the middle of a turning bed."""
        slow = self._limits.slowdown
        assert slow is not None
        x, y = end
        if slow.kind == "turn":
            nearest = nearest_to_middle(self.x, self.y, x, y) if dx or dy else 0.0
            turning = math.sqrt(c2) / nearest if nearest else 0.0
            return slow.first / turning if turning > slow.first else 1.0
        if slow.kind == "x":
            reach = max(self.x * self.x, x * x) if dx else 0.0
        else:
            reach = max(x * x + y * y, self.x * self.x + self.y * self.y)
        if reach > slow.second:
            return 0.25
        return 0.5 if reach > slow.first else 1.0

    def _note(self, z: float, dz: float, de: float) -> None:
        """Height and layer of a move to `z`."""
        if z != self._last_z:
            self._last_z = z
            self._z_um = math.floor(min(max(z, -HIGHEST), HIGHEST) * 1000.0 + 0.5)
        height = MOVING if dz else self._z_um
        layer = self._layer
        if de > 0.0 and (not dz or layer == NO_LAYER or self._z_um >= layer + SPIRAL_UM):
            layer = self._z_um
        if height != self._height or layer != self._layer:
            self._height, self._layer = height, layer
            self.rename()


def nearest_to_middle(x: float, y: float, to_x: float, to_y: float) -> float:
    """How near a straight move comes to the middle of a turning bed."""
    dx, dy = to_x - x, to_y - y
    along = dx * -x + dy * -y
    length = math.sqrt(dx * dx + dy * dy)
    if along <= 0.0:
        return math.sqrt(x * x + y * y)
    if along >= length * length:
        return math.sqrt(to_x * to_x + to_y * to_y)
    return abs(dx * -y - dy * -x) / length
