"""Pushes spaced in time: one at each beat of a rate, as Klipper sends them, not one after another.

Between two beats the daemon sleeps, so that each push pays for its wake-up and for caches that
others have used meanwhile, as it does behind a real printer.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.clients import Lost
from benchmarks.crowd import Crowd

# A reader that is behind has this long after the last beat.
_PATIENCE_S = 5.0
_QUIET_S = 0.25


@dataclass(slots=True)
class Delivery:
    """What arrived of `pushes` sent to `subscribers` clients; `delays_ns` are to the last of them.

    A push that a later one was merged into has no delay.
    """

    pushes: int
    subscribers: int
    received: int = 0
    delays_ns: list[int] = field(default_factory=list)

    @property
    def merged(self) -> int:
        """Updates that did not go out on their own."""
        return self.pushes * self.subscribers - self.received


def beats(start_s: float, rate: float, count: int) -> Iterator[float]:
    """Absolute instants, so that being late once does not shift those that follow."""
    return (start_s + number / rate for number in range(count))


class _Watch:
    """Notes when each push has reached everybody, while nothing is merged."""

    def __init__(self, crowd: Crowd, delivery: Delivery) -> None:
        self._crowd = crowd
        self._delivery = delivery
        self._before = crowd.statuses
        self._sent_ns: list[int] = []

    def sent(self) -> None:
        self._sent_ns.append(time.monotonic_ns())

    def read(self, for_s: float) -> bool:
        """Take what comes next; False when nothing did."""
        ready = self._crowd.read(for_s)
        if self._crowd.lost:
            raise Lost(f"{self._crowd.lost} subscribers were closed during pushes")
        now_ns = time.monotonic_ns()
        delivery = self._delivery
        delivery.received = self._crowd.statuses - self._before
        whole = min(delivery.received // delivery.subscribers, len(self._sent_ns))
        delivery.delays_ns += (
            now_ns - sent_ns for sent_ns in self._sent_ns[len(delivery.delays_ns) : whole]
        )
        return bool(ready)


def push_spaced(
    push: Callable[[], None], crowd: Crowd, subscribers: int, rate: float, count: int
) -> Delivery:
    """Call `push` `count` times at `rate` a second and read; returns when all is delivered.

    Raises `Lost` when a client was closed, or when nothing arrived at all.
    """
    delivery = Delivery(count, subscribers)
    watch = _Watch(crowd, delivery)
    for due_s in beats(time.monotonic(), rate, count):
        while (left_s := due_s - time.monotonic()) > 0:
            watch.read(left_s)
        watch.sent()
        push()
    limit_s = time.monotonic() + _PATIENCE_S
    while delivery.merged and time.monotonic() < limit_s:
        if not watch.read(_QUIET_S):
            break  # the rest was merged
    if not delivery.received:
        raise Lost("no status update arrived")
    return delivery
