"""The order of events in virtual time: timers and tasks as generators, after Klipper's reactor.

A task yields the eventtime at which it wants to go on, or a `Completion` it waits for. The owner
(`klippy.Klippy`) calls `advance`; nothing here knows a clock. A task ends by returning.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator

Task = Generator["float | Completion", None, None]


class Completion:
    """Something that happens once; tasks that yield it go on afterwards."""

    __slots__ = ("done", "waiting")

    def __init__(self) -> None:
        self.done = False
        self.waiting: list[Task] = []


class Reactor:
    """Runs what is due, oldest first, and keeps `now` at the event being run."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._due: list[tuple[float, int, Task]] = []
        self._order = itertools.count()

    def spawn(self, task: Task, at: float | None = None) -> None:
        """Start `task` at eventtime `at`, or with the next `advance`."""
        heapq.heappush(self._due, (self.now if at is None else at, next(self._order), task))

    def call_at(self, at: float, function: Callable[[], None]) -> None:
        """Call `function` once at eventtime `at`."""
        self.spawn(_call(function), at)

    def complete(self, completion: Completion) -> None:
        """Mark it as happened and let everybody who waits for it go on."""
        completion.done = True
        for task in completion.waiting:
            self.spawn(task)
        completion.waiting.clear()

    def next_at(self) -> float | None:
        """Eventtime of the next thing to do; None when nothing is planned."""
        return self._due[0][0] if self._due else None

    def advance(self, to_time: float, max_steps: int) -> bool:
        """Run what is due up to `to_time`; True when `max_steps` ended it before that."""
        for _ in range(max_steps):
            if not self._due or self._due[0][0] > to_time:
                self.now = max(self.now, to_time)
                return False
            at, _order, task = heapq.heappop(self._due)
            self.now = max(self.now, at)
            self._step(task)
        return bool(self._due) and self._due[0][0] <= to_time

    def _step(self, task: Task) -> None:
        try:
            wanted = next(task)
        except StopIteration:
            return
        if isinstance(wanted, float):
            self.spawn(task, wanted)
        elif wanted.done:
            self.spawn(task)
        else:
            wanted.waiting.append(task)


class Mutex:
    """First come, first served; held by the g-code script that runs."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._queue: deque[Completion] = deque()
        self.locked = False

    def acquire(self) -> Task:
        """Wait for the turn: `yield from mutex.acquire()`."""
        if not self.locked:
            self.locked = True
            return
        turn = Completion()
        self._queue.append(turn)
        yield turn

    def release(self) -> None:
        """Hand over to the next in the queue."""
        if self._queue:
            self._reactor.complete(self._queue.popleft())
        else:
            self.locked = False


def _call(function: Callable[[], None]) -> Task:
    function()
    yield from ()
