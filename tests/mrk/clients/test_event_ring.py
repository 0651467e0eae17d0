import pytest

from mrk.api.notification import notification, number_of, numbered
from mrk.clients.event_ring import Continuity, EventRing, Position, read_position
from mrk.definitions.limits import MIB, Limits
from mrk.errors import ClientError

EVENT = notification("notify_test", [1]).payload


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ring_of(clock: Clock | None = None, **limits: float) -> EventRing:
    ring = EventRing("e1", clock or Clock(), Limits(**limits))  # type: ignore[arg-type]
    ring.follow()
    return ring


def at(seq: int) -> Position:
    return Position("e1", seq)


def test_the_stated_bounds() -> None:
    limits = Limits()
    assert (limits.replay_events, limits.replay_bytes, limits.replay_s) == (5000, 4 * MIB, 900)


@pytest.mark.parametrize(
    "payload",
    [EVENT, notification("notify_klippy_ready").payload, notification("n", [{"seq": 7}]).payload],
)
def test_a_number_is_found_again(payload: bytes) -> None:
    assert number_of(payload) is None
    assert number_of(numbered(payload, 12345)) == 12345


def test_events_are_numbered_and_kept() -> None:
    ring = ring_of()
    first = ring.newest
    message = ring.record(EVENT)
    assert message is not None
    assert number_of(message.payload) == ring.newest == first + 1
    kept = ring.get(ring.newest)
    assert kept is not None
    assert kept.payload == message.payload == EVENT[:-1] + b',"seq":%d}' % ring.newest
    assert ring.continuity(at(first)) is Continuity.COMPLETE
    assert ring.get(ring.newest + 1) is None


def test_as_many_events_as_stated_and_one_more() -> None:
    ring = ring_of(replay_events=3)
    begin = ring.newest
    for _ in range(3):
        ring.record(EVENT)
    assert ring.continuity(at(begin)) is Continuity.COMPLETE
    ring.record(EVENT)
    assert ring.continuity(at(begin)) is Continuity.GAP
    assert ring.continuity(at(begin + 1)) is Continuity.COMPLETE


def test_as_many_bytes_as_stated_and_one_more() -> None:
    ring = ring_of()
    size = len(numbered(EVENT, ring.newest + 1))
    exact = ring_of(replay_bytes=2 * size)
    begin = exact.newest
    exact.record(EVENT)
    exact.record(EVENT)
    assert (exact.held_bytes, exact.continuity(at(begin))) == (2 * size, Continuity.COMPLETE)
    tight = ring_of(replay_bytes=2 * size - 1)
    tight.record(EVENT)
    tight.record(EVENT)
    assert (tight.held_bytes, tight.continuity(at(begin))) == (size, Continuity.GAP)
    # Not even one: the ring is empty, and says so.
    tight.record(notification("n", ["x" * 2 * size]).payload)
    assert (tight.held_bytes, tight.oldest) == (0, tight.newest + 1)
    assert tight.continuity(at(tight.newest)) is Continuity.COMPLETE


def test_as_old_as_stated_and_a_moment_more() -> None:
    clock = Clock()
    ring = ring_of(clock, replay_s=10.0)
    begin = ring.newest
    ring.record(EVENT)
    clock.now += 10.0
    assert ring.continuity(at(begin)) is Continuity.COMPLETE
    clock.now += 0.001
    assert ring.continuity(at(begin)) is Continuity.GAP
    assert ring.held_bytes == 0
    assert ring.continuity(at(begin + 1)) is Continuity.COMPLETE


def test_nothing_is_kept_before_somebody_asks() -> None:
    ring = EventRing("e1", Clock())
    assert not ring.running
    continuity, heard = ring.after(None)
    assert (continuity, heard, ring.running) == (Continuity.BEGUN, ring.newest, True)


def test_what_keeps_the_ring_running() -> None:
    clock = Clock()
    ring = ring_of(clock, replay_s=10.0)
    clock.now += 1000.0
    assert ring.record(EVENT) is not None  # a client is there
    begin = ring.newest
    ring.unfollow()
    clock.now += 10.0
    assert ring.record(EVENT) is not None  # it may come back
    assert ring.continuity(at(begin)) is Continuity.COMPLETE
    clock.now += 0.001
    assert ring.record(EVENT) is None
    assert (ring.running, ring.held_bytes) == (False, 0)


def test_after_a_pause_in_which_nothing_was_kept_nobody_is_told_that_nothing_is_missing() -> None:
    clock = Clock()
    ring = ring_of(clock, replay_s=10.0)
    ring.record(EVENT)
    heard = ring.newest
    ring.unfollow()
    clock.now += 11.0
    assert ring.record(EVENT) is None
    continuity, goes_on = ring.after(at(heard))
    assert (continuity, goes_on) == (Continuity.GAP, ring.newest)
    assert ring.continuity(at(goes_on)) is Continuity.COMPLETE


def test_another_epoch() -> None:
    ring = ring_of()
    continuity, heard = ring.after(Position("e0", 999))
    assert (continuity, heard) == (Continuity.EPOCH_CHANGED, ring.newest)
    assert continuity.lost
    assert continuity.advice is not None
    assert "query again" in continuity.advice
    assert not Continuity.COMPLETE.lost
    assert Continuity.COMPLETE.advice is None


@pytest.mark.parametrize("beyond", [1, 10**30])
def test_an_event_that_has_not_happened(beyond: int) -> None:
    ring = ring_of()
    assert ring.continuity(at(ring.newest)) is Continuity.COMPLETE
    with pytest.raises(ClientError, match=f"expected 0 to {ring.newest}") as refused:
        ring.continuity(at(ring.newest + beyond))
    assert refused.value.status == 400
    with pytest.raises(ClientError, match="There is no event -1"):
        ring.continuity(at(-1))


def test_positions_as_text() -> None:
    assert read_position(" ab12-7 ") == Position("ab12", 7)
    for bad in ("", "7", "ab12-", "-7", "ab-x", "ab-٣", "a" * 65 + "-1", "ab-" + "9" * 19):
        with pytest.raises(ClientError, match="Last-Event-ID"):
            read_position(bad)
