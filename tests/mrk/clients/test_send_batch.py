"""Outboxes that fill in one burst are sent at its end."""

from functools import partial

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


def test_more_than_fit_wake_themselves_where_nobody_serves_the_rest():
    send_batch, sent = SendBatch(), []
    with send_batch:
        taken = [
            send_batch.takes(lambda: sent.append(1), may_wait=True)
            for _ in range(SENDS_AT_ONCE + 1)
        ]
    assert taken == [True] * SENDS_AT_ONCE + [False]
    assert len(sent) == SENDS_AT_ONCE


def fill(send_batch, sent, count):
    """A burst for so many clients, of whom each is told by its own number."""
    with send_batch:
        for number in range(count):
            assert send_batch.takes(partial(sent.append, number), may_wait=True)


def test_the_rest_is_sent_in_parts_and_in_order():
    send_batch, sent, told = SendBatch(), [], []
    send_batch.on_rest = lambda: told.append(len(sent))
    fill(send_batch, sent, SENDS_AT_ONCE)
    assert (told, len(sent)) == ([], SENDS_AT_ONCE)
    sent.clear()
    fill(send_batch, sent, 3 * SENDS_AT_ONCE + 1)
    assert told == [SENDS_AT_ONCE]
    assert send_batch.send_some()
    assert len(sent) == 2 * SENDS_AT_ONCE
    assert send_batch.send_some()
    assert not send_batch.send_some()
    assert sent == list(range(3 * SENDS_AT_ONCE + 1))
    assert not send_batch.send_some()


def test_what_may_not_wait_does_not():
    send_batch, sent = SendBatch(), []
    send_batch.on_rest = list
    with send_batch:
        for _ in range(SENDS_AT_ONCE):
            send_batch.takes(lambda: None)
        assert not send_batch.takes(lambda: sent.append(1))
    assert sent == []


def test_each_of_the_rest_is_called_once_for_all_bursts():
    send_batch, sent = SendBatch(), []
    send_batch.on_rest = list
    send = partial(sent.append, "last")
    for _ in range(2):
        with send_batch:
            for _ in range(SENDS_AT_ONCE):
                send_batch.takes(lambda: None)
            assert send_batch.takes(send, may_wait=True)
    assert not send_batch.send_some()
    assert sent == ["last"]
