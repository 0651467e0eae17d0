"""The toolhead: where it is told to be, where it is, and when the queued moves will be done.

`print_time` runs ahead of `estimated_print_time`, the hardware's clock; `pace` says how long a
g-code source should wait so that it does not run too far ahead. Owned by `Klippy`.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.objects.planner import MotionLimits, Move, Position, plan_moves
from mrk.virtual_printer.reactor import Reactor, Task

# Who waits for the toolhead looks up this often, so that a shutdown ends a long dwell too.
LOOK_S = 1.0
BUFFER_AHEAD_S = 1.0
BUFFER_START_S = 0.25
# Moves worth this much time at full speed are held back to choose corner speeds by.
LOOKAHEAD_S = 0.5
HISTORY_S = 30.0


class Toolhead:
    """Queue of planned moves. `check` raises `CommandError` for a move the printer must refuse."""

    def __init__(self, reactor: Reactor, limits: MotionLimits) -> None:
        self.reactor = reactor
        self.limits = limits
        self.print_time = 0.0
        self.position: Position = (0.0, 0.0, 0.0, 0.0)
        self.check: Callable[[Move], None] = lambda move: None
        self.on_sync: list[Callable[[], None]] = []
        self.on_move: Callable[[Move], None] = lambda move: None
        self.history: deque[Move] = deque()
        self._started_at = reactor.now
        self._pending: list[Move] = []
        self._pending_s = 0.0
        self._start_v2 = 0.0
        self._flush_planned = False
        self.is_stopped = False

    def estimated_print_time(self, eventtime: float) -> float:
        """The hardware's own time, in seconds since it started."""
        return eventtime - self._started_at

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to plan."""
        return not self._pending

    def stop(self) -> None:
        """End all motion at once, as a shutdown does; nothing moves any more."""
        now = self.estimated_print_time(self.reactor.now)
        self.position = self.live(self.reactor.now)[0]
        self.is_stopped = True
        self._pending.clear()
        self.history.clear()
        self.print_time = min(self.print_time, now)

    def set_position(self, position: Position) -> None:
        """Call the present place `position`."""
        self.flush()
        self.position = position

    def move(self, end: Position, speed: float) -> None:
        """Queue a straight line at `speed` mm/s; after a shutdown nothing moves."""
        if self.is_stopped:
            return
        move = Move(self.limits, self.position, end, speed)
        if not move.length_mm:
            return
        self.check(move)
        if self._pending:
            move.join(self._pending[-1], self.limits)
        self.position = end
        self._pending.append(move)
        self._pending_s += move.least_s
        if self._pending_s > LOOKAHEAD_S:
            self._commit(keep_s=LOOKAHEAD_S / 2)
        self._plan_flush()

    def flush(self) -> None:
        """Plan everything that waits, down to a stop."""
        if self._pending:
            self._commit(keep_s=0.0)

    def last_move_time(self) -> float:
        """Flush, and give the print time at which the next thing can happen."""
        self.flush()
        self._sync()
        return self.print_time

    def after_moves(self, function: Callable[[float], None]) -> None:
        """Call `function` with the print time at the end of what is queued, without a stop."""
        if self._pending:
            self._pending[-1].after.append(function)
        else:
            function(self.last_move_time())

    def pace(self) -> float | None:
        """Eventtime until which a g-code source should wait before it asks again, or None."""
        ahead = self.print_time - self.estimated_print_time(self.reactor.now) - BUFFER_AHEAD_S
        if ahead <= 1e-6 or self.is_stopped:
            return None
        return self.reactor.now + min(ahead, LOOK_S)

    def dwell(self, duration_s: float) -> None:
        """Stand still for a while."""
        self.print_time = self.last_move_time() + duration_s

    def wait_moves(self) -> Task:
        """Until the last queued move is done."""
        self.flush()
        while not self.is_stopped:
            left = self.print_time - self.estimated_print_time(self.reactor.now)
            if left <= 1e-6:
                return
            yield self.reactor.now + min(left, LOOK_S)

    def live(self, eventtime: float) -> tuple[Position, float, float]:
        """Where the toolhead really is, its speed and the extruder's, at `eventtime`."""
        now = self.estimated_print_time(eventtime)
        last: Move | None = None
        for move in reversed(self.history):
            if move.start_time <= now:
                last = move
                break
        if last is None:
            place = self.history[0].start if self.history else self._resting_place()
            return place, 0.0, 0.0
        if now >= last.start_time + last.duration_s:
            return last.end, 0.0, 0.0
        place, speed = last.at(now)
        return place, speed if last.is_travel else 0.0, speed * last.direction[3]

    def _resting_place(self) -> Position:
        return self._pending[0].start if self._pending else self.position

    def forget_history(self) -> None:
        """Drop the trace of past moves, when a new origin makes them meaningless."""
        self.history.clear()

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The part of the object `toolhead` that motion decides."""
        limits = self.limits
        return {
            "print_time": self.print_time,
            "stalls": 0,
            "estimated_print_time": self.estimated_print_time(eventtime),
            "extruder": "extruder",
            "position": list(self.position),
            "max_velocity": limits.max_velocity,
            "max_accel": limits.max_accel,
            "minimum_cruise_ratio": limits.minimum_cruise_ratio,
            "square_corner_velocity": limits.square_corner_velocity,
            "extra_axes": {"extruder": 3},
        }

    def _commit(self, keep_s: float) -> None:
        """Plan all pending moves and start the first ones, holding `keep_s` of them back."""
        moves = self._pending
        plan_moves(moves, self._start_v2)
        kept_s, first_kept = 0.0, len(moves)
        while keep_s and kept_s < keep_s and first_kept > 0:
            first_kept -= 1
            kept_s += moves[first_kept].least_s
        if keep_s and not first_kept:
            return
        self._sync()
        for move in moves[:first_kept]:
            self._start(move)
        self._pending = moves[first_kept:]
        self._pending_s = kept_s
        self._start_v2 = moves[first_kept - 1].end_v ** 2
        self._forget_old()

    def _start(self, move: Move) -> None:
        move.start_time = self.print_time
        self.print_time += move.duration_s
        self.history.append(move)
        self.on_move(move)
        for function in move.after:
            function(self.print_time)

    def _sync(self) -> None:
        """Let print time begin a little after the hardware's clock if that has passed it."""
        if self.is_stopped:
            return
        now = self.estimated_print_time(self.reactor.now)
        if self.print_time <= now:
            self.print_time = now + BUFFER_START_S
        for function in self.on_sync:
            function()

    def _forget_old(self) -> None:
        oldest = self.estimated_print_time(self.reactor.now) - HISTORY_S
        history = self.history
        while len(history) > 1 and history[1].start_time < oldest:
            history.popleft()

    def _plan_flush(self) -> None:
        if self._flush_planned:
            return
        self._flush_planned = True
        self.reactor.spawn(self._flush_when_idle(), self.reactor.now + 0.1)

    def _flush_when_idle(self) -> Task:
        """No further move came in time: plan what is there to a stop."""
        while self._pending:
            ahead = self.print_time - self.estimated_print_time(self.reactor.now)
            if ahead < 0.15:
                self.flush()
            else:
                yield self.reactor.now + ahead - 0.1
        self._flush_planned = False


def move_refusal(text: str, end: Position) -> CommandError:
    """Klipper's way to name the place a refused move led to."""
    return CommandError(f"{text}: {end[0]:.3f} {end[1]:.3f} {end[2]:.3f} [{end[3]:.3f}]")
