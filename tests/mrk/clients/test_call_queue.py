from sys import getsizeof

import pytest

from mrk.clients.call_queue import CallQueue


def test_messages_wait_in_order() -> None:
    queue: CallQueue[bytes | str] = CallQueue(1, 100)
    assert not queue
    queue.put(b"one")
    queue.put("zwei")
    assert (len(queue), queue.waiting_bytes) == (2, getsizeof(b"one") + getsizeof("zwei"))
    messages = [queue.first]
    queue.drop_first()
    assert queue.waiting_bytes == getsizeof("zwei")
    messages.append(queue.first)
    assert messages == [b"one", "zwei"]
    queue.clear()
    assert (len(queue), queue.waiting_bytes) == (0, 0)


@pytest.mark.parametrize(("calls", "size", "busy"), [(2, 10, False), (3, 10, True), (2, 50, True)])
def test_busy_at_either_bound(calls: int, size: int, busy: bool) -> None:
    queue: CallQueue[bytes] = CallQueue(3, 100)
    for _ in range(calls):
        queue.begin(size)
    assert queue.busy is busy
    queue.end(size)
    assert not queue.busy


def test_deferred_calls_keep_the_queue_busy() -> None:
    queue: CallQueue[bytes] = CallQueue(1, 100)
    queue.begin(1)
    queue.defer(b"one")
    queue.defer(b"two")
    queue.end(1)
    assert (queue.full, queue.busy) == (False, True)
    assert queue.deferred_bytes == 2 * getsizeof(b"one")
    assert queue.first_deferred == b"one"
    assert [queue.take_deferred(), queue.take_deferred()] == [b"one", b"two"]
    assert (queue.deferred_bytes, queue.busy) == (0, False)
    queue.defer(b"three")
    queue.clear()
    assert (queue.deferred_bytes, queue.busy) == (0, False)
