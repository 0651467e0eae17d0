"""How long Klipper takes to answer, as a histogram of what is asked anyway.

Requests that wait for the printer say nothing of Klipper: a script lasts as long as a heat-up, and
a subscription is answered at Klipper's next beat. Pure; one per generation.
"""

from mrk.metrics.histogram import Histogram

# Seconds; on a board under load Klipper answers within some 50 ms.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_AT_ONCE = frozenset(
    {
        "info",
        "list_endpoints",
        "objects/list",
        "objects/query",
        "query_endstops/status",
        "gcode/help",
        "register_remote_method",
        "emergency_stop",
    }
)


class RoundTrips:
    """Notes what is answered at once."""

    __slots__ = ("histogram",)

    def __init__(self) -> None:
        self.histogram = Histogram(BOUNDS_S)

    def note(self, method: str, after_s: float) -> None:
        """A request was answered after so many seconds."""
        if method in _AT_ONCE:
            self.histogram.note(after_s)
