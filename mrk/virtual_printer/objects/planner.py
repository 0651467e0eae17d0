"""Moves and how fast they may go: trapezoids with a short look-ahead over the coming moves.

Pure arithmetic on millimetres and seconds, used by `toolhead.py`. The corner rule is Klipper's
idea (`klippy/toolhead.py`): a corner is taken at the speed whose arc of tolerated deviation keeps
the acceleration, so that a right angle goes at square_corner_velocity.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

LEAST_VELOCITY = 1e-3

Position = tuple[float, float, float, float]


@dataclass(slots=True)
class MotionLimits:
    """What the printer may do; SET_VELOCITY_LIMIT and M204 change it. mm/s and mm/s^2."""

    max_velocity: float = 300.0
    max_accel: float = 3000.0
    minimum_cruise_ratio: float = 0.5
    square_corner_velocity: float = 5.0
    max_z_velocity: float = 15.0
    max_z_accel: float = 100.0
    extrude_only_velocity: float = 79.82432411074329
    extrude_only_accel: float = 798.2432411074329


class Move:
    """A straight line at a wished speed; `plan` gives it its trapezoid."""

    __slots__ = (
        "accel",
        "accel_s",
        "after",
        "cruise_s",
        "cruise_v",
        "decel_s",
        "direction",
        "end",
        "end_v",
        "is_travel",
        "length_mm",
        "max_start_v2",
        "peak_v2",
        "start",
        "start_time",
        "start_v",
    )

    def __init__(self, limits: MotionLimits, start: Position, end: Position, speed: float) -> None:
        delta = [b - a for a, b in zip(start, end, strict=True)]
        length = math.sqrt(delta[0] ** 2 + delta[1] ** 2 + delta[2] ** 2)
        accel = limits.max_accel
        velocity = min(max(speed, LEAST_VELOCITY), limits.max_velocity)
        self.is_travel = length >= 1e-9
        if not self.is_travel:
            length = abs(delta[3])
            accel = limits.extrude_only_accel
            velocity = min(velocity, limits.extrude_only_velocity)
        elif delta[2]:
            steepness = length / abs(delta[2])
            velocity = min(velocity, limits.max_z_velocity * steepness)
            accel = min(accel, limits.max_z_accel * steepness)
        self.start = start
        self.end = end
        self.length_mm = length
        self.accel = accel
        self.peak_v2 = velocity**2
        scale = 1.0 / length if length else 0.0
        self.direction = tuple(d * scale for d in delta)
        self.max_start_v2 = 0.0
        self.after: list[Callable[[float], None]] = []
        self.start_time = 0.0
        self.start_v = self.cruise_v = self.end_v = 0.0
        self.accel_s = self.cruise_s = self.decel_s = 0.0

    def join(self, before: "Move", limits: MotionLimits) -> None:
        """Set how fast the corner from `before` may be taken."""
        if not (self.is_travel and before.is_travel):
            return
        a, b = before.direction, self.direction
        cosine = -(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])
        ceiling = min(self.peak_v2, before.peak_v2)
        if cosine > 0.999999:
            return
        half = math.sqrt(0.5 * (1.0 - max(cosine, -0.999999)))
        deviation = limits.square_corner_velocity**2 * (math.sqrt(2.0) - 1.0)
        factor = half / (1.0 - half)
        arc_v2 = deviation / limits.max_accel * factor * min(self.accel, before.accel)
        half_angle_tan = half / math.sqrt(0.5 * (1.0 + cosine)) if cosine > -0.999999 else math.inf
        middle_v2 = (
            0.5 * half_angle_tan * min(self.length_mm * self.accel, before.length_mm * before.accel)
        )
        reach_v2 = before.max_start_v2 + 2.0 * before.accel * before.length_mm
        self.max_start_v2 = min(ceiling, arc_v2, middle_v2, reach_v2)

    def plan(self, start_v2: float, end_v2: float) -> None:
        """Fill in the trapezoid between two corner speeds that are known to be reachable."""
        reach_v2 = 2.0 * self.accel * self.length_mm
        cruise_v2 = max(start_v2, end_v2, min(self.peak_v2, (start_v2 + end_v2 + reach_v2) / 2.0))
        self.start_v, self.end_v = math.sqrt(start_v2), math.sqrt(end_v2)
        self.cruise_v = cruise_v = math.sqrt(cruise_v2)
        accel_mm = (cruise_v2 - start_v2) / (2.0 * self.accel)
        decel_mm = (cruise_v2 - end_v2) / (2.0 * self.accel)
        self.accel_s = (cruise_v - self.start_v) / self.accel
        self.decel_s = (cruise_v - self.end_v) / self.accel
        self.cruise_s = max(0.0, self.length_mm - accel_mm - decel_mm) / cruise_v

    @property
    def duration_s(self) -> float:
        """Length in time, once planned."""
        return self.accel_s + self.cruise_s + self.decel_s

    @property
    def least_s(self) -> float:
        """Time at full speed throughout: a lower bound that needs no plan."""
        return self.length_mm / math.sqrt(self.peak_v2)

    def at(self, print_time: float) -> tuple[Position, float]:
        """Position and speed at `print_time`, which lies inside the move."""
        t = min(max(print_time - self.start_time, 0.0), self.duration_s)
        if t < self.accel_s:
            way, speed = (self.start_v + 0.5 * self.accel * t) * t, self.start_v + self.accel * t
        else:
            way = (self.start_v + self.cruise_v) * 0.5 * self.accel_s
            rest = t - self.accel_s
            if rest <= self.cruise_s:
                way, speed = way + self.cruise_v * rest, self.cruise_v
            else:
                slow = rest - self.cruise_s
                way += self.cruise_v * self.cruise_s
                way += (self.cruise_v - 0.5 * self.accel * slow) * slow
                speed = self.cruise_v - self.accel * slow
        way = min(way, self.length_mm)
        s, d = self.start, self.direction
        place = (s[0] + d[0] * way, s[1] + d[1] * way, s[2] + d[2] * way, s[3] + d[3] * way)
        return place, speed

    def phases(self) -> list[tuple[float, float, float, float, Position]]:
        """(time, duration, start velocity, acceleration, start position) of each phase."""
        found = []
        t = self.start_time
        for duration, velocity, accel in (
            (self.accel_s, self.start_v, self.accel),
            (self.cruise_s, self.cruise_v, 0.0),
            (self.decel_s, self.cruise_v, -self.accel),
        ):
            if duration > 0.0:
                found.append((t, duration, velocity, accel, self.at(t)[0]))
            t += duration
        return found


def plan_moves(moves: list[Move], start_v2: float) -> None:
    """Give each move its trapezoid, so that the last one can stop at its end."""
    end_v2 = 0.0
    starts = []
    for move in reversed(moves):
        end_v2 = min(move.max_start_v2, end_v2 + 2.0 * move.accel * move.length_mm)
        starts.append(end_v2)
    starts.reverse()
    starts[0] = min(start_v2, moves[0].peak_v2)
    starts.append(0.0)
    for index, move in enumerate(moves):
        reached = starts[index] + 2.0 * move.accel * move.length_mm
        starts[index + 1] = min(starts[index + 1], reached)
        move.plan(starts[index], starts[index + 1])
