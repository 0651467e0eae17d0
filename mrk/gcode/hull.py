"""Outline of an object from the points its moves touch: a convex polygon of few corners."""

import math

Point = tuple[float, float]
CORNERS_LIMIT = 32
_BATCH = 4096  # points kept before they are reduced


class Outline:
    """Collects points in bounded memory."""

    def __init__(self) -> None:
        self._points: set[Point] = set()

    def add(self, point: Point) -> None:
        """Take in one point, mm."""
        self._points.add(point)
        if len(self._points) >= _BATCH:
            self._points = set(convex_hull(self._points))

    def polygon(self) -> list[Point]:
        """At most 32 corners, counter-clockwise; fewer than 3 for a line or a point."""
        hull = convex_hull(self._points)
        if len(hull) <= CORNERS_LIMIT:
            return hull
        far = {_farthest(hull, math.tau * i / CORNERS_LIMIT) for i in range(CORNERS_LIMIT)}
        return [point for point in hull if point in far]


def _farthest(hull: list[Point], turn: float) -> Point:
    cos, sin = math.cos(turn), math.sin(turn)
    return max(hull, key=lambda point: point[0] * cos + point[1] * sin)


def convex_hull(points: set[Point]) -> list[Point]:
    """Andrew's monotone chain, counter-clockwise, without points on its edges."""
    ordered = sorted(points)
    if len(ordered) < 3:
        return ordered
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return lower[:-1] + upper[:-1]


def _chain(ordered: list[Point]) -> list[Point]:
    chain: list[Point] = []
    for x, y in ordered:
        while len(chain) > 1:
            (ax, ay), (bx, by) = chain[-2:]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


def centre(polygon: list[Point]) -> Point:
    """Middle of the polygon's bounding box, mm."""
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
