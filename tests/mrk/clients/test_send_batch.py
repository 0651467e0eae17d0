"""Outboxes that fill in one burst are sent at its end."""

import pytest

from mrk.clients.send_batch import SENDS_AT_ONCE, SendBatch


def test_outside_of_a_burst_nothing_is_taken():
    send_batch = SendBatch()
    assert not send_batch.takes(list)
    with send_batch:
        pass
    assert not send_batch.takes(list)


def test_senders_are_called_at_the_end_in_order():
    send_batch, sent = SendBatch(), []
    with send_batch:
        assert send_batch.takes(lambda: sent.append(1))
        assert send_batch.takes(lambda: sent.append(2))
        assert sent == []
    assert sent == [1, 2]
    with send_batch:
        pass
    assert sent == [1, 2]


def test_a_burst_within_a_burst_waits_for_the_outer_one():
    send_batch, sent = SendBatch(), []
    with send_batch:
        with send_batch:
            send_batch.takes(lambda: sent.append(1))
        assert sent == []
    assert sent == [1]


def test_senders_are_called_when_the_producer_fails():
    send_batch, sent = SendBatch(), []

    def produce():
        with send_batch:
            send_batch.takes(lambda: sent.append(1))
            raise ValueError("junk")

    with pytest.raises(ValueError, match="junk"):
        produce()
    assert sent == [1]


def test_more_than_fit_wake_themselves():
    send_batch, sent = SendBatch(), []
    with send_batch:
        taken = [send_batch.takes(lambda: sent.append(1)) for _ in range(SENDS_AT_ONCE + 1)]
    assert taken == [True] * SENDS_AT_ONCE + [False]
    assert len(sent) == SENDS_AT_ONCE
