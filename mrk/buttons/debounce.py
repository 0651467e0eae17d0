"""From edges of a line to presses and releases.

The first edge opens a window of `debounce_period`; at its end the line's level counts. Times are
seconds on the kernel's monotonic clock, as edges carry them. Pure: `nurseries/buttons` waits.
"""

from collections import deque
from typing import Any

import msgspec

# So many edges within windows, within so many seconds, are no finger.
MOST_EDGES = 50
NOISE_S = 5.0
# Presses that follow each other within this time are counted together.
SERIES_S = 0.5


class ButtonChange(msgspec.Struct, frozen=True):
    """A press or a release; `elapsed_time` since the change before it, `count` presses in a row.

    `is_short`: it came sooner than `minimum_event_time` allows.
    """

    pressed: bool
    elapsed_time: float
    received_time: float
    count: int
    is_short: bool = False

    def shown(self, render_time: float) -> dict[str, Any]:
        """As templates and clients see it."""
        return {
            "elapsed_time": self.elapsed_time,
            "received_time": self.received_time,
            "render_time": render_time,
            "pressed": self.pressed,
            "count": self.count,
        }


class Debouncer:
    """Begins with the line's level at `now`; a button that is held then has not been pressed."""

    def __init__(self, pressed: bool, now: float, minimum_event_s: float) -> None:
        self.pressed = pressed
        self._minimum_event_s = minimum_event_s
        self._changed_at = now
        self._window_at: float | None = None
        self._edges: deque[float] = deque(maxlen=MOST_EDGES)
        self._last_press_at = float("-inf")
        self._count = 0

    @property
    def is_noisy(self) -> bool:
        """Whether the line is no use any more."""
        edges = self._edges
        return len(edges) == MOST_EDGES and edges[-1] - edges[0] <= NOISE_S

    def edge(self, at_s: float) -> None:
        """The line changed."""
        if self._window_at is None:
            self._window_at = at_s
        else:
            self._edges.append(at_s)

    def settle(self, pressed: bool) -> ButtonChange | None:
        """The window is over, and that is the level now; None when nothing has changed."""
        at_s, self._window_at = self._window_at, None
        if at_s is None or pressed == self.pressed:
            return None
        self.pressed = pressed
        # An edge may be older than the look at the line with which we began.
        elapsed_s, self._changed_at = max(at_s - self._changed_at, 0.0), at_s
        if pressed:
            self._count = self._count + 1 if at_s - self._last_press_at <= SERIES_S else 1
            self._last_press_at = at_s
        is_short = elapsed_s < self._minimum_event_s
        return ButtonChange(pressed, elapsed_s, at_s, max(self._count, 1), is_short)
