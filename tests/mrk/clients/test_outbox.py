import pytest

from mrk.api.notification import SharedMessage, notification
from mrk.clients.outbox import Outbox
from mrk.klippy.etx import etx_frame
from mrk.status.update import StatusUpdate


class Box:
    def __init__(self, limit_bytes: int = 100) -> None:
        self.wakes = 0
        self.outbox = Outbox(etx_frame, limit_bytes, self.wake)

    def wake(self) -> None:
        self.wakes += 1


def test_replies_and_notifications_keep_their_order_and_status_follows() -> None:
    box = Box().outbox
    box.status(StatusUpdate({"fan": {"speed": 1}}, 1.5))
    box.reply(b"1")
    box.notify(SharedMessage(b"2"))
    status = b'{"jsonrpc":"2.0","method":"notify_status_update","params":[{"fan":{"speed":1}},1.5]}'
    assert box.take() == b"1\x032\x03" + status + b"\x03"
    assert not box.has_output
    assert box.take() == b""


def test_klippys_state_does_not_overtake_status() -> None:
    box = Box(1000).outbox
    box.status(StatusUpdate({"fan": {"speed": 1}}, 1.5))
    box.settle_status()
    box.notify(notification("notify_klippy_shutdown"))
    status, state, _ = box.take().split(b"\x03")
    assert b"notify_status_update" in status
    assert state == b'{"jsonrpc":"2.0","method":"notify_klippy_shutdown"}'


def test_status_merges_field_by_field_and_leaves_the_shared_delta_alone() -> None:
    first = StatusUpdate({"fan": {"speed": 1, "rpm": 5}}, 1.0)
    box = Box(10).outbox
    box.status(first)
    box.status(StatusUpdate({"fan": {"speed": 2}, "toolhead": {}}, 2.0))
    assert b'[{"fan":{"speed":2,"rpm":5},"toolhead":{}},2.0]' in box.take()
    assert first.delta == {"fan": {"speed": 1, "rpm": 5}}


def test_dropped_status_is_not_sent() -> None:
    box = Box().outbox
    box.status(StatusUpdate({"fan": {"speed": 1}}, 1.0))
    box.drop_status()
    assert not box.has_output
    assert box.take() == b""


def test_wakes_only_when_there_was_nothing() -> None:
    box = Box()
    box.outbox.reply(b"1")
    box.outbox.reply(b"2")
    assert box.wakes == 1
    box.outbox.take()
    box.outbox.status(StatusUpdate({}, 1.0))
    box.outbox.control("ping", b"P")
    assert box.wakes == 2


def test_one_answer_of_any_size_passes_behind_others() -> None:
    box = Box(10).outbox
    box.append(b"a" * 5)
    box.reply(b"b" * 500)
    box.append(b"c" * 5)
    assert not box.full
    assert box.take(5) == b"a" * 5
    box.append(b"d" * 5)
    assert not box.full
    assert len(box.take(5)) == 501
    box.append(b"e")
    assert box.full is False
    box.append(b"f" * 6)
    assert box.full


def test_limit_at_its_edge() -> None:
    """The largest message does not count."""
    box = Box(10)
    box.outbox.reply(b"a" * 50)
    box.outbox.append(b"b" * 10)
    assert not box.outbox.full
    box.outbox.append(b"c")
    assert box.outbox.full
    assert box.outbox.has_output
    assert box.wakes == 2
    box.outbox.reply(b"later")
    box.outbox.status(StatusUpdate({}, 1.0))
    assert (box.outbox.waiting_bytes, box.outbox.take()) == (0, b"")


def test_control_frames_go_first_and_the_latest_of_a_kind_counts() -> None:
    box = Box().outbox
    box.reply(b"1")
    box.control("pong", b"old")
    box.control("ping", b"P")
    box.control("pong", b"new")
    assert box.holds("pong")
    assert box.take() == b"newP1\x03"
    assert not box.holds("pong")


@pytest.mark.parametrize(
    ("most_bytes", "first"), [(1, b"11"), (3, b"11"), (4, b"1122"), (5, b"1122")]
)
def test_a_chunk_ends_between_messages(most_bytes: int, first: bytes) -> None:
    box = Box(1000).outbox
    for frame in (b"11", b"22", b"33"):
        box.append(frame)
    box.status(StatusUpdate({}, 1.0))
    assert box.take(most_bytes) == first
    assert box.waiting_bytes == 6 - len(first)
    assert b"notify_status_update" in box.take()


def test_one_frame_is_shared_by_all_clients_of_a_transport() -> None:
    message = notification("notify_test", [1])
    one, other = Box().outbox, Box().outbox
    one.notify(message)
    other.notify(message)
    assert one.take() is other.take()
