"""Arcs as Klipper cuts them into chords (`klippy/extras/gcode_arcs.py`)."""

import math
from collections.abc import Iterator

from mrk.estimate.words import BadLine

# An arc of more is none: 100 m at Klipper's resolution of 1 mm.
CHORDS_LIMIT = 100_000
Point = tuple[float, float, float]


def chords(
    start: Point,
    target: Point,
    middle: tuple[float, float],
    axes: tuple[int, int, int],
    clockwise: bool,
    resolution_mm: float,
) -> tuple[int, Iterator[Point]]:
    """How many chords, and where each ends; `middle` is relative to the start, `axes` end in the
    one that the arc rises along. Raises `BadLine`.
    """
    alpha, beta, rise_axis = axes
    p, q = -middle[0], -middle[1]
    middle_p, middle_q = start[alpha] - p, start[beta] - q
    to_p, to_q = target[alpha] - middle_p, target[beta] - middle_q
    angle = math.atan2(p * to_q - q * to_p, p * to_p + q * to_q)
    if angle < 0.0:
        angle += 2.0 * math.pi
    if clockwise:
        angle -= 2.0 * math.pi
    if angle == 0.0 and start[alpha] == target[alpha] and start[beta] == target[beta]:
        angle = 2.0 * math.pi
    rise = target[rise_axis] - start[rise_axis]
    flat = math.sqrt(p * p + q * q) * angle
    length = math.sqrt(flat * flat + rise * rise)
    if length >= CHORDS_LIMIT * resolution_mm:
        raise BadLine
    count = max(1, math.floor(length / resolution_mm))
    return count, _ends(start, target, (p, q, middle_p, middle_q, angle, rise), axes, count)


def _ends(
    start: Point,
    target: Point,
    arc: tuple[float, float, float, float, float, float],
    axes: tuple[int, int, int],
    count: int,
) -> Iterator[Point]:
    p, q, middle_p, middle_q, angle, rise = arc
    alpha, beta, rise_axis = axes
    turn, step = angle / count, rise / count
    point = list(start)
    for index in range(1, count):
        cos, sin = math.cos(index * turn), math.sin(index * turn)
        point[alpha] = middle_p + (p * cos - q * sin)
        point[beta] = middle_q + (p * sin + q * cos)
        point[rise_axis] = start[rise_axis] + index * step
        yield point[0], point[1], point[2]
    yield target
