"""Failed log-ins: waits, lock-outs, what is stored, and the room it takes."""

import pytest

from mrk.access.login_guard import ADDRESS, FORGOTTEN_S, MOST, USER, Count, LoginGuard

NOW_S = 1_700_000_000.0
HERE, THERE = "192.0.2.1", "192.0.2.2"


def fail(guard, times, address=HERE, name="anna", now_s=NOW_S):
    for _ in range(times):
        stored, removed = guard.failed(address, name, now_s)
    return stored, removed


def test_waits_grow_to_a_limit():
    guard = LoginGuard()
    waits = []
    for _ in range(12):
        waits.append(guard.wait_s(HERE, "anna", NOW_S))
        fail(guard, 1)
    assert waits[:7] == [0, 0, 0, 0.5, 1, 2, 4]
    assert waits[-1] == 10
    fail(guard, 2000)
    assert guard.wait_s(HERE, "anna", NOW_S) == 10


def test_address_and_user_are_counted_apart():
    guard = LoginGuard()
    fail(guard, 10)
    assert guard.wait_s(HERE, "ben", NOW_S) == 10
    assert guard.wait_s(THERE, "anna", NOW_S) == 2
    assert guard.wait_s(THERE, "ben", NOW_S) == 0


def test_success_clears_both():
    guard = LoginGuard()
    fail(guard, 10)
    assert {count.kind for count in guard.succeeded(HERE, "anna")} == {ADDRESS, USER}
    assert guard.wait_s(HERE, "anna", NOW_S) == 0
    assert guard.succeeded(HERE, "anna") == []


def test_the_unix_socket_is_not_counted():
    guard = LoginGuard(1)
    assert fail(guard, 5, address=None) == ([], [])
    assert guard.wait_s(None, "anna", NOW_S) == 0
    assert not guard.is_locked_out(None, NOW_S)


def test_lock_out():
    guard = LoginGuard(3)
    fail(guard, 2)
    assert not guard.is_locked_out(HERE, NOW_S)
    fail(guard, 1)
    assert guard.is_locked_out(HERE, NOW_S)
    assert not guard.is_locked_out(THERE, NOW_S)
    assert guard.is_locked_out(HERE, NOW_S + FORGOTTEN_S)
    assert not guard.is_locked_out(HERE, NOW_S + FORGOTTEN_S + 1)
    # A clock that was set back makes nothing older.
    assert guard.is_locked_out(HERE, NOW_S - 10**6)


def test_counts_outlive_the_process():
    guard = LoginGuard(3)
    stored, _ = fail(guard, 3)
    assert [(count.kind, count.failures) for count in stored] == [(ADDRESS, 3), (USER, 3)]
    assert "anna" not in repr(stored)
    again = LoginGuard(3)
    assert again.load(stored, NOW_S) == []
    assert again.is_locked_out(HERE, NOW_S)
    assert again.wait_s(THERE, "anna", NOW_S) == 0.5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("unknown", "unknown", True),
    ],
)
def test_what_counts_as_one_address(one, other, same):
    guard = LoginGuard(1)
    fail(guard, 1, address=one)
    assert guard.is_locked_out(other, NOW_S) is same


def test_room_is_bounded():
    guard = LoginGuard()
    removed = []
    for number in range(MOST + 10):
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        removed += guard.failed(address, f"user {number}", NOW_S + number)[1]
    assert len(removed) == 20
    assert {count.last_s - NOW_S for count in removed} == set(map(float, range(10)))
    _, old = guard.failed(HERE, "anna", NOW_S + MOST + FORGOTTEN_S)
    assert old


def test_of_what_is_stored_nothing_is_left_that_was_there_before():
    guard = LoginGuard(1)
    stored, _ = fail(guard, 1)
    unknown = Count("planet", "mars", 9, NOW_S)
    assert guard.load([unknown], NOW_S) == []
    assert not guard.is_locked_out(HERE, NOW_S)
    assert guard.load(stored, NOW_S) == []
    assert guard.is_locked_out(HERE, NOW_S)


def test_who_failed_last_is_forgotten_last():
    """Not who failed first: an attacker's count would end with that of the thousandth other."""
    guard = LoginGuard(2)
    fail(guard, 1)
    fail(guard, 1, address=THERE, now_s=NOW_S + 1)
    fail(guard, 1, now_s=NOW_S + 2)
    _, removed = fail(guard, 1, address="192.0.2.3", name="eve", now_s=NOW_S + FORGOTTEN_S + 1.5)
    assert [(count.kind, count.name) for count in removed] == [(ADDRESS, THERE)]
    assert guard.is_locked_out(HERE, NOW_S + FORGOTTEN_S + 2)
    assert FORGOTTEN_S == 86_400


def test_a_clock_that_was_ahead_locks_nobody_out_for_years():
    years_s = 10 * 365 * FORGOTTEN_S
    guard = LoginGuard(3)
    stored, _ = fail(guard, 3, now_s=NOW_S + years_s)
    # The network corrects the clock while the process runs: the day begins when that is noticed.
    assert guard.is_locked_out(HERE, NOW_S)
    assert not guard.is_locked_out(HERE, NOW_S + FORGOTTEN_S + 1)
    # Or while it was off: what is stored is put right, or each start would begin a new day.
    again = LoginGuard(3)
    mended = again.load(stored, NOW_S)
    assert [(count.kind, count.failures, count.last_s) for count in mended] == [
        (ADDRESS, 3, NOW_S),
        (USER, 3, NOW_S),
    ]
    assert again.is_locked_out(HERE, NOW_S)
    assert not again.is_locked_out(HERE, NOW_S + FORGOTTEN_S + 1)
    assert LoginGuard(3).load(mended, NOW_S) == []
