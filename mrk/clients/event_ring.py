"""The last notifications, numbered, for clients that come back and want what they missed.

One ring per generation, under an epoch of its own. It is filled only while somebody who asked for
replay is connected, or has asked within `most_s`: what is older would be forgotten anyway. Holds
one encoded copy of each event, whatever the number of clients. Pure: `now` is the caller's clock.
"""

import enum
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from mrk.api.notification import SharedMessage, numbered
from mrk.definitions.limits import Limits
from mrk.errors import ClientError

_EPOCH_CHARS = 64


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a client has heard: all events of `epoch` up to and with number `seq`."""

    epoch: str
    seq: int


class Continuity(enum.StrEnum):
    """Whether what a client hears from now on follows what it has heard."""

    BEGUN = "begun"  # it named no position
    COMPLETE = "complete"  # nothing is missing
    GAP = "gap"  # some of what it missed has been forgotten
    EPOCH_CHANGED = "epoch_changed"  # the daemon has been restarted

    @property
    def lost(self) -> bool:
        """Whether events are missing that nobody has any more."""
        return self in (Continuity.GAP, Continuity.EPOCH_CHANGED)

    @property
    def advice(self) -> str | None:
        """What a client has to do, None when nothing is missing."""
        return _ADVICE.get(self)


_RELOAD = "query again whatever you show (as after a first connection), and go on from 'seq'"
_ADVICE = {
    Continuity.GAP: f"Events after your position have been forgotten: {_RELOAD}",
    Continuity.EPOCH_CHANGED: f"Your position is of another run of the server: {_RELOAD}",
}


class KeptEvent(NamedTuple):
    """One numbered notification; `sender` is the agent that must not hear it, mostly nobody."""

    at: float
    payload: bytes
    sender: str


class EventRing:
    """Events `oldest` to `newest`; bounded in number, bytes and age."""

    def __init__(
        self,
        epoch: str = "none",
        now: Callable[[], float] = lambda: 0.0,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self.epoch = epoch
        self.newest = 0
        self.oldest = 1
        self.running = False
        self.held_bytes = 0
        self.most_s = limits.replay_s
        self._most_events = limits.replay_events
        self._most_bytes = limits.replay_bytes
        self._now = now
        self._events: dict[int, KeptEvent] = {}
        self._followers = 0
        self._asked_at = 0.0

    # Who wants it

    def ask(self) -> None:
        """Somebody asks for replay: events are kept from now on."""
        self._asked_at = self._now()
        if not self.running:
            self.running = True
            # Nobody knows what happened while nothing was kept: no position before this is good.
            self.newest += 1
            self.oldest = self.newest + 1

    def follow(self) -> None:
        """A client that wants replay is connected, until `unfollow`."""
        self.ask()
        self._followers += 1

    def unfollow(self) -> None:
        """It has gone, and may come back within `most_s`."""
        self._followers -= 1
        self._asked_at = self._now()

    # Events

    def record(self, payload: bytes, sender: str = "") -> SharedMessage | None:
        """Number an event; None when nobody has asked, or not for so long that nothing is kept."""
        if not self.running:
            return None
        now = self._now()
        if not self._followers and now - self._asked_at > self.most_s:
            self._stop()
            return None
        seq = self.newest = self.newest + 1
        message = SharedMessage(numbered(payload, seq))
        self._events[seq] = KeptEvent(now, message.payload, sender)
        self.held_bytes += len(message.payload)
        self._forget(now)
        return message

    def _stop(self) -> None:
        self.running = False
        self._events.clear()
        self.held_bytes, self.oldest = 0, self.newest + 1

    def _forget(self, now: float) -> None:
        """What is past a bound; each event goes once."""
        while self.oldest <= self.newest:
            first = self._events[self.oldest]
            if (
                self.held_bytes <= self._most_bytes
                and len(self._events) <= self._most_events
                and now - first.at <= self.most_s
            ):
                return
            self.held_bytes -= len(first.payload)
            del self._events[self.oldest]
            self.oldest += 1

    def get(self, seq: int) -> KeptEvent | None:
        """The event of that number, None when it is forgotten or has not happened."""
        return self._events.get(seq)

    def continuity(self, position: Position | None) -> Continuity:
        """Whether all that followed a position is here.

        Raises `ClientError` 400 for a position that no client can have.
        """
        if position is None:
            return Continuity.BEGUN
        if position.epoch != self.epoch:
            return Continuity.EPOCH_CHANGED
        if not 0 <= position.seq <= self.newest:
            raise ClientError(
                f"There is no event {position.seq}: expected 0 to {self.newest}, the newest"
            )
        if self.running:
            self._forget(self._now())
        return Continuity.COMPLETE if position.seq >= self.oldest - 1 else Continuity.GAP

    def after(self, position: Position | None) -> tuple[Continuity, int]:
        """What `continuity` says, and the number behind which a client goes on."""
        self.ask()
        found = self.continuity(position)
        return found, position.seq if found is Continuity.COMPLETE and position else self.newest


def read_position(text: str) -> Position:
    """`<epoch>-<seq>`, as events are named in an event stream; raises `ClientError` 400."""
    epoch, dash, number = text.strip().rpartition("-")
    if not dash or not epoch or len(epoch) > _EPOCH_CHARS or not _is_number(number):
        raise ClientError(
            f"Last-Event-ID {text[:80]!r} is no event's name: expected <epoch>-<number>"
        )
    return Position(epoch, int(number))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
