"""How much is kept for all clients together: output, backlogs, calls, subscriptions.

One `WaitingTotal` per generation, a `WaitingShare` per connection. Each client has bounds of its
own; this is their sum's. Past it the client for whom most waits gives way, because no producer may
wait for a client. Pure.
"""

from collections.abc import Callable

from mrk.definitions.limits import MIB

LIMIT_BYTES = 64 * MIB
# Above this part of the limit nobody gets more than a small share for requests of his own.
_TIGHT_SHARE = 2


class WaitingTotal:
    """The sum of all shares, kept below `limit_bytes` as long as there is more than one."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._shares: set[WaitingShare] = set()

    @property
    def tight(self) -> bool:
        """Whether so much waits for all that no client should have more work begun."""
        return self.held_bytes > self.limit_bytes // _TIGHT_SHARE

    def share(self, give_way: Callable[[], None]) -> "WaitingShare":
        """A new client's share; `give_way` has to end that client, without waiting."""
        return WaitingShare(self, give_way)

    def changed(self, share: "WaitingShare", by_bytes: int) -> None:
        """Called by a share that has become larger or smaller."""
        self.held_bytes += by_bytes
        if share.held_bytes:
            self._shares.add(share)
        else:
            self._shares.discard(share)
        # One alone has its own bounds: an answer of any size passes.
        while self.held_bytes > self.limit_bytes and len(self._shares) > 1:
            largest = max(self._shares, key=lambda one: one.held_bytes)
            give_way = largest.give_way
            largest.close()
            give_way()


def _gone() -> None:
    """The client has given way already."""


class WaitingShare:
    """What is kept for one client, by kind. Nothing is counted any more once it is closed."""

    __slots__ = (
        "_closed",
        "_parts",
        "give_way",
        "held_bytes",
        "total",
    )

    def __init__(self, total: WaitingTotal, give_way: Callable[[], None]) -> None:
        self.held_bytes = 0
        self.give_way = give_way
        self.total = total
        self._parts: dict[str, int] = {}  # those that are not 0
        self._closed = False

    def set(self, kind: str, size_bytes: int) -> None:
        """From now on so much is kept of that kind."""
        by_bytes = size_bytes - self._parts.get(kind, 0)
        if by_bytes and not self._closed:
            if size_bytes:
                self._parts[kind] = size_bytes
            elif len(self._parts) > 1:
                del self._parts[kind]
            else:
                self._parts = {}  # one that was filled before takes 0.2 KB
            self.held_bytes += by_bytes
            self.total.changed(self, by_bytes)

    def add(self, kind: str, by_bytes: int) -> None:
        """More (or less) is kept of that kind."""
        self.set(kind, self._parts.get(kind, 0) + by_bytes)

    def close(self) -> None:
        """The client has gone, and all that was kept for it; it is not called any more."""
        if not self._closed:
            self._closed = True
            self.give_way = _gone
            by_bytes, self.held_bytes = -self.held_bytes, 0
            self._parts.clear()
            self.total.changed(self, by_bytes)
