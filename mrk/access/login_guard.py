"""Failed log-ins, counted by address and by user: how long the next one waits.

A count is forgotten a day after its last failure, or by a success. Times are Unix
seconds, because counts outlive the process. A clock that was set back makes nothing older, and
nothing lasts longer for it: a failure of the future counts as one of the moment it is found.
"""

from collections.abc import Iterable

import msgspec

from mrk.access.address import counted_as
from mrk.short_digests import sha256

ADDRESS, USER = "address", "user"
# This many failures cost nothing: people mistype.
FREE = 3
FIRST_WAIT_S = 0.5
# A user's own wait is kept short: anybody can make it grow.
LONGEST_WAIT_S = {ADDRESS: 10.0, USER: 2.0}
FORGOTTEN_S = 24 * 3600.0
# Of each kind; over it the one whose last failure is oldest goes.
MOST = 1000


class Count(msgspec.Struct, frozen=True):
    """Failures in a row of one address or user; `name` is an address, or a hash of a user name."""

    kind: str
    name: str
    failures: int
    last_s: float


class LoginGuard:
    """All counts. `max_attempts` failures lock an address out for a day; None: never."""

    def __init__(self, max_attempts: int | None = None) -> None:
        self._max_attempts = max_attempts
        self._counts: dict[str, dict[str, Count]] = {ADDRESS: {}, USER: {}}

    def load(self, counts: Iterable[Count], now_s: float) -> list[Count]:
        """Replace everything by what was stored; returns what has to be stored anew.

        Those were written under a clock that was ahead, and nobody would live to see their end.
        """
        self._counts = {ADDRESS: {}, USER: {}}
        mended: list[Count] = []
        for stored in sorted(counts, key=lambda count: count.last_s):
            if stored.kind not in self._counts:
                continue
            count = _not_ahead(stored, now_s)
            self._counts[count.kind][count.name] = count
            if count is not stored:
                mended.append(count)
        return mended

    def wait_s(self, address: str | None, username: str, now_s: float) -> float:
        """How long an attempt waits before it is looked at, right or wrong."""
        found = self._found(address, username, now_s)
        return max((_wait_s(count) for count in found), default=0.0)

    def is_locked_out(self, address: str | None, now_s: float) -> bool:
        """Whether an address failed too often."""
        if self._max_attempts is None or address is None:
            return False
        count = self._get(ADDRESS, counted_as(address), now_s)
        return count is not None and count.failures >= self._max_attempts

    def failed(
        self, address: str | None, username: str, now_s: float
    ) -> tuple[list[Count], list[Count]]:
        """Count a failure; returns the counts to store, and those to remove for room.

        Callers without an address (unix socket) are not counted.
        """
        stored: list[Count] = []
        removed: list[Count] = []
        for kind, name in _names(address, username):
            old = self._get(kind, name, now_s)
            new = Count(kind, name, 1 if old is None else old.failures + 1, now_s)
            counts = self._counts[kind]
            counts.pop(name, None)  # to the end: in order of their last failure
            counts[name] = new
            stored.append(new)
            while len(counts) > MOST or _is_old(next(iter(counts.values())), now_s):
                removed.append(counts.pop(next(iter(counts))))
        return stored, removed

    def succeeded(self, address: str | None, username: str) -> list[Count]:
        """Forget the counts of this address and user; returns what to remove."""
        popped = (self._counts[kind].pop(name, None) for kind, name in _names(address, username))
        return [count for count in popped if count is not None]

    def _found(self, address: str | None, username: str, now_s: float) -> list[Count]:
        found = (self._get(kind, name, now_s) for kind, name in _names(address, username))
        return [count for count in found if count is not None]

    def _get(self, kind: str, name: str, now_s: float) -> Count | None:
        count = self._counts[kind].get(name)
        if count is None or _is_old(count, now_s):
            return None
        if count.last_s > now_s:
            count = self._counts[kind][name] = _not_ahead(count, now_s)
        return count


def _not_ahead(count: Count, now_s: float) -> Count:
    return count if count.last_s <= now_s else msgspec.structs.replace(count, last_s=now_s)


def _names(address: str | None, username: str) -> list[tuple[str, str]]:
    if address is None:
        return []
    # People type passwords into the wrong field: no name is stored as it came.
    digest = sha256(username.encode("utf-8", "surrogatepass")).hexdigest()
    return [(ADDRESS, counted_as(address)), (USER, digest[:32])]


def _is_old(count: Count, now_s: float) -> bool:
    return now_s - count.last_s > FORGOTTEN_S


def _wait_s(count: Count) -> float:
    over = count.failures - FREE
    if over < 0:
        return 0.0
    return min(FIRST_WAIT_S * 2.0 ** min(over, 30), LONGEST_WAIT_S[count.kind])
