"""Outboxes that fill in one burst are sent at its end."""

import pytest

from mrk.burst import SENDS_AT_ONCE, Burst


def test_outside_of_a_burst_nothing_is_taken():
    burst = Burst()
    assert not burst.takes(list)
    with burst:
        pass
    assert not burst.takes(list)


def test_senders_are_called_at_the_end_in_order():
    burst, sent = Burst(), []
    with burst:
        assert burst.takes(lambda: sent.append(1))
        assert burst.takes(lambda: sent.append(2))
        assert sent == []
    assert sent == [1, 2]
    with burst:
        pass
    assert sent == [1, 2]


def test_a_burst_within_a_burst_waits_for_the_outer_one():
    burst, sent = Burst(), []
    with burst:
        with burst:
            burst.takes(lambda: sent.append(1))
        assert sent == []
    assert sent == [1]


def test_senders_are_called_when_the_producer_fails():
    burst, sent = Burst(), []

    def produce():
        with burst:
            burst.takes(lambda: sent.append(1))
            raise ValueError("junk")

    with pytest.raises(ValueError, match="junk"):
        produce()
    assert sent == [1]


def test_more_than_fit_wake_themselves():
    burst, sent = Burst(), []
    with burst:
        taken = [burst.takes(lambda: sent.append(1)) for _ in range(SENDS_AT_ONCE + 1)]
    assert taken == [True] * SENDS_AT_ONCE + [False]
    assert len(sent) == SENDS_AT_ONCE
