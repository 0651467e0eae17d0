"""The states of a report, and what a spool is recognized by."""

import pytest

from mrk.spool.ledger import MOST_SPOOLS, Ledger
from mrk.spool.spool import SpoolState, decode_spool

near = pytest.approx


def spool(used=0.0, last_used=None, registered="r", spool_id=1):
    return SpoolState(spool_id, registered, used, last_used)


@pytest.fixture
def ledger():
    ledger = Ledger()
    ledger.charge(1, 10.0)
    return ledger


def test_counted(ledger):
    assert ledger.due() == [1]
    assert ledger.begin(1, spool(5.0)).mm == 10.0
    ledger.charge(1, 1.0)
    assert ledger.accounts[1].unreported_mm == 11.0
    assert ledger.begin(1, spool(5.0)) is None  # one at a time
    ledger.counted(1)
    assert ledger.accounts[1].unreported_mm == 1.0


def test_not_sent(ledger):
    ledger.begin(1, spool())
    ledger.charge(1, -2.0)
    ledger.not_sent(1)
    assert ledger.begin(1, spool()).mm == 8.0


def test_nothing_below_zero_is_due():
    ledger = Ledger()
    ledger.charge(1, -5.0)
    assert ledger.due() == []
    ledger.charge(1, 5.5)
    assert ledger.begin(1, spool()).mm == near(0.5)


@pytest.mark.parametrize(
    ("used", "last_used", "counted"),
    [
        (110.0, "b", True),
        (110.0000000001, "b", True),
        (100.0, "a", False),
        (100.0, "b", False),
        # Somebody else changed it too.
        (170.0, "b", True),
        (170.0, "a", False),
        (3.0, "a", False),
        (3.0, "b", True),
    ],
)
def test_what_the_spool_tells(ledger, used, last_used, counted):
    ledger.begin(1, spool(100.0, "a"))
    assert ledger.was_counted(1, spool(used, last_used)) is counted


def test_another_spool_of_the_same_id(ledger):
    assert ledger.recognize(1, spool())
    ledger.begin(1, spool())
    assert not ledger.recognize(1, spool(registered="later"))
    account = ledger.accounts[1]
    assert (account.lost_mm, account.unreported_mm, account.sending) == (10.0, 0.0, None)
    ledger.charge(1, 2.0)
    assert ledger.recognize(1, spool(registered="later"))
    assert ledger.begin(1, spool(registered="later")).mm == 2.0


def test_a_missing_spool_comes_back(ledger):
    ledger.recognize(1, spool())
    ledger.begin(1, spool())
    ledger.vanished(1)
    ledger.charge(1, 1.0)
    assert ledger.due() == []
    assert ledger.recognize(1, spool())
    assert ledger.begin(1, spool()).mm == 11.0


def test_a_missing_spool_is_chosen_again(ledger):
    ledger.recognize(1, spool())
    ledger.vanished(1)
    ledger.selected(1)
    ledger.charge(1, 2.0)
    assert ledger.recognize(1, spool(registered="later"))
    assert ledger.begin(1, spool(registered="later")).mm == 2.0
    assert ledger.accounts[1].lost_mm == 10.0


def test_a_spool_chosen_before_it_was_made_keeps_its_use(ledger):
    ledger.vanished(1)
    ledger.selected(1)
    assert ledger.recognize(1, spool())
    assert ledger.begin(1, spool()).mm == 10.0


def test_reassign(ledger):
    assert ledger.reassign(1, 2) == 0.0  # on its way to where it belongs
    ledger.vanished(1)
    assert ledger.reassign(1, 2) == 10.0
    assert (ledger.accounts[1].pending_mm, ledger.accounts[2].pending_mm) == (0.0, 10.0)
    ledger.unassigned_mm = 4.0
    assert ledger.reassign(None, None) == 4.0
    assert ledger.unassigned_mm == 0.0
    assert ledger.reassign(77, 1) == 0.0


def test_a_bound_on_spools():
    ledger = Ledger()
    for spool_id in range(MOST_SPOOLS + 3):
        ledger.charge(spool_id, 1.0)
    assert len(ledger.accounts) == MOST_SPOOLS
    assert ledger.unassigned_mm == 3.0
    ledger.accounts[5].pending_mm = 0.0
    ledger.charge(9999, 1.0)
    assert 5 not in ledger.accounts
    assert ledger.accounts[9999].pending_mm == 1.0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"id":1,"registered":"r","used_length":null}',
             b'{"id":"1","registered":"r","used_length":0}'],
)  # fmt: skip
def test_what_is_no_spool(body):
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's own text
        decode_spool(body)


@pytest.mark.parametrize(
    "now",
    [
        "2024-05-01T10:00:00",
        "2024-05-01T10:00:00+00:00",
        "2024-05-01T12:00:00+02:00",
        "2024-05-01 10:00:00.4Z",
    ],
)
def test_a_spoolman_that_writes_times_otherwise_has_the_same_spools(now):
    ledger = Ledger()
    ledger.charge(1, 2.0)
    assert ledger.recognize(1, spool(registered="2024-05-01T10:00:00Z"))
    assert ledger.recognize(1, spool(registered=now))
    assert ledger.recognize(1, spool(registered="2024-05-01T10:00:00Z"))
    assert ledger.begin(1, spool(registered=now)).mm == 2.0


@pytest.mark.parametrize("now", ["2024-05-01T10:00:01Z", "2024-05-02T10:00:00", "", "0001-01-01"])
def test_another_time_is_another_spool(now):
    ledger = Ledger()
    ledger.charge(1, 2.0)
    assert ledger.recognize(1, spool(registered="2024-05-01T10:00:00Z"))
    assert not ledger.recognize(1, spool(registered=now))
