"""Klipper's look-ahead in Python: what the compiled kernel does, for hosts without it.

Moves come in one by one; a full stop, or enough moves behind a settled one, plans them. All speeds
are squared (mm2/s2), as in Klipper's `toolhead.py`. Sums are written in the kernel's order, so that
both give the same doubles.
"""

import math

from mrk.estimate.segments import (
    DWELL,
    EXTRUDE_ONLY,
    OUTPUT,
    SEGMENTS_LIMIT,
    SUMS,
    WAITING_MARKS_LIMIT,
    Key,
    Mark,
    Segment,
)

# A queue is looked at when it is this long, and cut by force at the limit (2 MB here).
FLUSH_MOVES = 512
QUEUE_LIMIT = 8192

# start2, c2, dv2, mcr_start2, mcr_dv2, distance, accel, key, kind of motion, E, end of its line
_Move = tuple[float, float, float, float, float, float, float, Key, int, float, int]


class Lookahead:
    """Plans moves; `take` hands over what was planned since it was called last."""

    def __init__(self, mark_s: float, start_s: float) -> None:
        self.clock = 0.0
        self._start_s = start_s  # before the first move of all
        self.max_speed2 = 0.0
        self.max_flow = 0.0
        self._mark_s = mark_s
        self._next_mark = 0.0
        self._last_mark = 0
        self._queue: list[_Move] = []
        self._trigger = FLUSH_MOVES
        self._carry = 0.0
        # Of the move before: rx, ry, rz, re, c2, reachable 2, jd * accel, dv2, reachable mcr 2.
        self._before: tuple[float, ...] | None = None
        self._segments: list[Segment] = []
        self._marks: list[Mark] = []
        self._key: Key | None = None
        self._sums = [0.0] * SUMS

    def add(
        self,
        direction: tuple[float, float, float, float],
        speeds: tuple[float, float, float, float, float],
        distance: float,
        corner_v: float,
        about: tuple[Key, int, float, int],
    ) -> None:
        """One move: its direction (E last), its c2, dv2, mcr_dv2, accel and junction deviation."""
        c2, dv2, mcr_dv2, accel, jd = speeds
        jda = jd * accel
        before = self._before
        start2 = mcr_start2 = 0.0
        if about[1] == EXTRUDE_ONLY:
            self._before = None
        else:
            rx, ry, rz, re = direction
            if before is not None:
                px, py, pz, pe, pc2, reach, pjda, pdv2, preach = before
                start2 = c2 if c2 < pc2 else pc2
                if reach < start2:
                    start2 = reach
                if re != pe:
                    bound = corner_v / abs(re - pe)
                    bound *= bound
                    if bound < start2:
                        start2 = bound
                cos = -(rx * px + ry * py + rz * pz)
                sin_half2, cos_half2 = 0.5 * (1.0 - cos), 0.5 * (1.0 + cos)
                sin_half = math.sqrt(sin_half2) if sin_half2 > 0.0 else 0.0
                rest = 1.0 - sin_half
                if rest > 0.0 and cos_half2 > 0.0:
                    radius = sin_half / rest
                    tangent = 0.25 * sin_half / math.sqrt(cos_half2)
                    start2 = min(start2, radius * jda, radius * pjda, dv2 * tangent, pdv2 * tangent)
                mcr_start2 = start2 if start2 < preach else preach
            self._before = (
                rx, ry, rz, re, c2, start2 + dv2, jda, dv2, mcr_start2 + mcr_dv2
            )  # fmt: skip
        if self._start_s:
            self._sums[DWELL] += self._start_s
            self.clock += self._start_s
            self._start_s = 0.0
            self._last_mark = about[3]
            self._marks.append((about[3], 0.0))  # nothing is done before
        queue = self._queue
        queue.append((start2, c2, dv2, mcr_start2, mcr_dv2, distance, accel, *about))
        if len(queue) >= self._trigger:
            self._look()

    def stop(self) -> None:
        """All moves so far end in a standstill."""
        if self._queue:
            starts, cruises, _ = self._backward(lazy=False)
            self._forward(len(self._queue), starts, cruises)
        self._before = None
        self._carry = 0.0
        self._trigger = FLUSH_MOVES

    def wait(self, seconds: float, key: Key, offset: int) -> None:
        """A dwell that begins at a standstill."""
        self.stop()
        self._switch(key)
        self.clock += seconds
        self._sums[DWELL] += seconds
        self._mark(offset, seconds)

    def take(self) -> tuple[list[Segment], list[Mark]]:
        """What was planned; the running segment ends here."""
        self._switch(None)
        segments, self._segments = self._segments, []
        marks, self._marks = self._marks, []
        return segments, marks

    def _look(self) -> None:
        queue = self._queue
        starts, cruises, settled = self._backward(lazy=True)
        if not settled and len(queue) >= QUEUE_LIMIT:
            # Nothing settled in thousands of moves: plan the first half as if a stop followed.
            half = len(queue) // 2
            self._forward(half, starts, cruises)
            head = queue[0]
            end2 = min(starts[half], self._carry)
            queue[0] = (end2, *head[1:3], min(end2, head[3]), *head[4:])
        else:
            self._forward(settled, starts, cruises)
        self._trigger = min(max(FLUSH_MOVES, 2 * len(queue)), QUEUE_LIMIT)

    def _backward(self, *, lazy: bool) -> tuple[list[float], list[float], int]:
        """Start of each move, its cruise (-1: as the one before), and how many are settled."""
        queue = self._queue
        count = len(queue)
        starts = [0.0] * (count + 1)
        cruises = [-1.0] * count
        settled = 0
        next2 = next_mcr2 = peak = 0.0
        waiting = 0
        index = count
        for start2, c2, dv2, mcr_start2, mcr_dv2, *_ in reversed(queue):
            index -= 1
            reach = next2 + dv2
            if reach < start2:
                start2 = reach
            waiting += 1
            mcr_reach = next_mcr2 + mcr_dv2
            if mcr_start2 < mcr_reach:
                if mcr_start2 + mcr_dv2 > next_mcr2 or waiting > 1:
                    if lazy and peak and not settled:
                        settled = index + waiting
                    peak = (mcr_start2 + mcr_reach) * 0.5
                cruise = (start2 + reach) * 0.5
                if c2 < cruise:
                    cruise = c2
                if peak < cruise:
                    cruise = peak
                cruises[index] = cruise
                waiting = 0
                next_mcr2 = mcr_start2
            else:
                next_mcr2 = mcr_reach
            starts[index] = next2 = start2
        return starts, cruises, settled

    def _forward(self, count: int, starts: list[float], cruises: list[float]) -> None:
        if not count:
            return
        sqrt = math.sqrt
        before = self._carry
        sums = self._sums
        for index, move in enumerate(self._queue[:count]):
            _, _, _, _, _, distance, accel, key, motion, e, offset = move
            start2, end2, cruise2 = starts[index], starts[index + 1], cruises[index]
            if cruise2 < 0.0:
                cruise2 = before if before < start2 else start2
            before = cruise2
            if cruise2 < start2:
                start2 = cruise2
            if cruise2 < end2:
                end2 = cruise2
            half = 0.5 / accel
            up = (cruise2 - start2) * half
            down = (cruise2 - end2) * half
            cruise_v = sqrt(cruise2)
            up_t = up / ((sqrt(start2) + cruise_v) * 0.5)
            cruise_t = (distance - up - down) / cruise_v
            down_t = down / ((sqrt(end2) + cruise_v) * 0.5)
            time = up_t + cruise_t + down_t
            self.clock += time
            if key is not self._key and (self._key is None or len(self._segments) < SEGMENTS_LIMIT):
                self._switch(key)
                sums = self._sums
            sums[0] += 1.0
            sums[1] += time
            sums[2] += up_t
            sums[3] += cruise_t
            sums[4] += down_t
            sums[5 + motion] += time
            sums[9] += e
            if motion != EXTRUDE_ONLY:
                sums[8] += distance
                if cruise2 > self.max_speed2:
                    self.max_speed2 = cruise2
                if motion == OUTPUT and e > self.max_flow * time:
                    self.max_flow = e / time
            if self.clock >= self._next_mark:
                self._mark(offset, time)
        self._carry = before
        del self._queue[:count]

    def _mark(self, offset: int, time: float) -> None:
        """At the end of a line, whose last part took `time`; all of it belongs to that line."""
        if self.clock >= self._next_mark:
            if time >= self._mark_s and offset - 1 > self._last_mark:
                self._marks.append((offset - 1, self.clock - time))
            self._last_mark = offset
            self._marks.append((offset, self.clock))
            if len(self._marks) >= WAITING_MARKS_LIMIT:
                self._marks = self._marks[::2]
                self._mark_s *= 2.0
            self._next_mark = self.clock + self._mark_s

    def _switch(self, key: Key | None) -> None:
        if self._key is not None and any(self._sums):
            self._segments.append((*self._key, *self._sums))  # type: ignore[arg-type]
            self._sums = [0.0] * SUMS
        self._key = key
