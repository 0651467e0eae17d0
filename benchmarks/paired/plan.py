"""How much a paired run measures. Times in seconds, sizes in bytes, everything else in pieces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SUBSCRIBERS = (1, 2, 5, 20, 100)
RATES = (4, 20, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedPlan:
    """A round of pushes lasts `push_s[rate]`; whole seconds, because both daemons have beats of one
    second.
    """

    rounds: int = 3
    subscribers: tuple[int, ...] = SUBSCRIBERS
    rates: tuple[int, ...] = RATES
    push_s: Mapping[int, float] = field(default_factory=lambda: {4: 6.0, 20: 4.0, 200: 2.0})
    baseline_s: float = 8.0
    # Both daemons poll their feeds for the first time within 20 s of their start.
    push_settle_s: float = 25.0
    # The floor programs are measured beside mrk up to so many subscribers.
    floor_subscribers: int = 5
    requests: int = 3000  # a round, with several in flight; a third of it one at a time
    settle_s: float = 10.0
    idle_s: float = 20.0
    first_websockets: int = 100  # pay for what is made once
    websockets: int = 500
    starts: int = 5
    transfer_bytes: int = 100_000_000

    def seconds(self, rate: int) -> float:
        """How long a round at that many pushes a second lasts."""
        return self.push_s.get(rate, 2.0)


WHOLE = PairedPlan()
QUICK = PairedPlan(
    rounds=1,
    push_s={4: 4.0, 20: 2.0, 200: 1.0},
    baseline_s=4.0,
    push_settle_s=23.0,
    requests=1200,
    settle_s=3.0,
    idle_s=5.0,
    first_websockets=50,
    websockets=200,
    starts=2,
    transfer_bytes=30_000_000,
)
