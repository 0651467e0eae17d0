"""The supervision table's types: which services run, how they are retried, what became of them.

`nurseries/supervise.py` changes them, `server.nurseries` shows them, the root nests them.
"""

import enum
from collections.abc import Callable, Iterable, Iterator

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Delays between attempts, in seconds."""

    first_s: float = 0.25
    limit_s: float = 30.0
    healthy_after_s: float = 10.0
    crash_limit: int = 5
    crash_window_s: float = 300.0


# Of programs outside: a broker or a Spoolman that is back should be seen soon.
OUTSIDE_BACKOFF = Backoff(first_s=2.0, limit_s=10.0)


class SupervisionState(enum.StrEnum):
    """What a supervised service does now, as `server.nurseries` shows it."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"  # between two attempts
    FAILED = "failed"  # given up
    ENDED = "ended"


class Supervision(msgspec.Struct):
    """One service of the supervision table, and what became of it.

    `since` is Unix time of the last change of state; `children` are services nested in this one.
    """

    name: str
    essential: bool = False
    backoff: Backoff = msgspec.field(default_factory=Backoff)
    state: SupervisionState = SupervisionState.STARTING
    since: float = 0.0
    restarts: int = 0
    last_error: str | None = None
    crashed: bool = False  # its last end was a bug, not an absence
    children: "list[Supervision]" = []
    on_change: Callable[[], None] | None = None  # called behind each `enter`

    def enter(
        self, state: SupervisionState, now: float, error: BaseException | str | None = None
    ) -> None:
        """Note a change of state at `now` (Unix time), and the error that caused it."""
        self.state = state
        self.since = now
        if error is not None:
            self.last_error = str(error) or type(error).__name__
        if self.on_change is not None:
            self.on_change()


def flat(supervisions: Iterable[Supervision]) -> Iterator[Supervision]:
    """All of a tree, each before its children."""
    for one in supervisions:
        yield one
        yield from flat(one.children)
