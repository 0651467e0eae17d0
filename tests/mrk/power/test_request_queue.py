"""Requests for one device: shared, in order, and not too many."""

import pytest

from mrk.errors import ClientError
from mrk.power.request_queue import MOST_WAITING, RequestQueue
from mrk.power.states import Wish


def added(queue, wish, answer, force=False):
    """The answer that a request gets."""
    found = queue.find(wish, force)
    if found is None:
        queue.add(wish, force, answer)
        return answer
    return found


def test_equal_requests_share_an_answer():
    queue = RequestQueue()
    assert [added(queue, Wish.ON, n) for n in range(1000)] == [0] * 1000
    assert queue.take().answer == 0
    assert added(queue, Wish.ON, 1) == 0
    queue.done()
    assert added(queue, Wish.ON, 2) == 2


def test_a_status_joins_what_is_to_come():
    queue = RequestQueue()
    added(queue, Wish.OFF, 1)
    assert added(queue, Wish.STATUS, 2) == 1


def test_two_toggles_are_two():
    queue = RequestQueue()
    assert [added(queue, Wish.TOGGLE, n) for n in range(2)] == [0, 1]


def test_a_wish_behind_another_one_is_new():
    queue = RequestQueue()
    assert [added(queue, w, n) for n, w in enumerate([Wish.ON, Wish.OFF, Wish.ON])] == [0, 1, 2]
    assert [queue.take().answer for _ in range(3)] == [0, 1, 2]
    assert queue.take() is None


def test_force_is_another_wish():
    queue = RequestQueue()
    assert added(queue, Wish.OFF, 1) == 1
    assert added(queue, Wish.OFF, 2, force=True) == 2


def test_too_many_wait():
    queue = RequestQueue()
    for number in range(MOST_WAITING):
        queue.add(Wish.TOGGLE, False, number)
    with pytest.raises(ClientError, match="16 requests wait") as refused:
        queue.add(Wish.TOGGLE, False, 99)
    assert refused.value.status == 429
    queue.take()
    queue.add(Wish.TOGGLE, False, 99)
    assert [request.answer for request in queue.drain()] == [*range(MOST_WAITING), 99]
    assert len(queue) == 0
