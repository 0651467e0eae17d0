"""Which connections give their places to a newcomer when all places are taken.

Asked by the door, at its limit only. Pure.
"""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Protocol, TypeVar


class WaitingConnection(Protocol):
    """A connection that waits for its client, with nothing begun that somebody would miss."""

    @property
    def counted_address(self) -> str:
        """Whose it is."""
        ...

    @property
    def unfinished(self) -> bool:
        """Whether it is in the middle of a request, instead of between two."""
        ...

    @property
    def waits_since(self) -> float:
        """Since when."""
        ...


Candidate = TypeVar("Candidate", bound=WaitingConnection)
# Of many that wait, so many give way together: looking for them costs a millisecond in two
# thousand, and a flood would have us look for every newcomer.
_TOGETHER = 50


def give_way(waiting: Iterable[Candidate]) -> list[Candidate]:
    """One of the address that has the most of them, or a fiftieth of all its; none when none wait.

    Of that address the oldest unfinished requests, or else what has been idle longest. So a client
    that fills all places pays for them itself, whatever it fills them with.
    """
    theirs: dict[str, list[Candidate]] = {}
    for one in waiting:
        theirs.setdefault(one.counted_address, []).append(one)
    if not theirs:
        return []
    most = max(theirs.values(), key=len)
    count = max(1, len(most) // _TOGETHER)
    return nsmallest(count, most, key=lambda one: (not one.unfinished, one.waits_since))
