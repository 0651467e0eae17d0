import msgspec
import pytest

from mrk.errors import ClientError
from mrk.klippy.messages import read_update
from mrk.status.subscriptions import (
    MOST_CHARS,
    MOST_OBJECTS,
    Subscriptions,
    check_size,
    united,
    wanted,
)
from mrk.status.tracker import StatusTracker
from mrk.status.update import StatusDelta, StatusUpdate


class Reader:
    def __init__(self) -> None:
        self.open = True
        self.updates: list[StatusUpdate] = []

    def push_status(self, update: StatusUpdate) -> None:
        self.updates.append(update)

    @property
    def deltas(self) -> list[StatusDelta]:
        return [update.delta for update in self.updates]


def change(board: StatusTracker, delta: StatusDelta, eventtime: float = 1.0) -> None:
    update = StatusUpdate(delta, eventtime)
    board.add(update)
    board.push(update)


def test_union_unites_fields_and_null_wins() -> None:
    first = wanted({"a": ["x"], "b": None, "c": ["x"]})
    second = wanted({"a": ["y"], "b": ["z"], "c": None, "d": []})
    assert united(first, second) == {
        "a": frozenset("xy"),
        "b": None,
        "c": None,
        "d": frozenset(),
    }


def test_cut_leaves_out_what_is_empty() -> None:
    delta = {"a": {"x": 1, "y": 2}, "b": {"x": 1}, "c": {"x": 1}, "d": {}}
    part = StatusUpdate(delta, 1.0).part(
        wanted({"a": ["x"], "b": ["y"], "c": None, "d": None, "e": None})
    )
    assert part is not None
    assert part.delta == {
        "a": {"x": 1},
        "c": {"x": 1},
    }


def test_equal_subscriptions_share_one_update() -> None:
    board, readers = StatusTracker(), [Reader() for _ in range(3)]
    for reader in readers:
        board.set(reader, wanted({"toolhead": None, "extruder": ["target", "power"]}))
    change(board, {"toolhead": {"stalls": 1}, "extruder": {"temperature": 20.0}})
    assert readers[0].deltas == [{"toolhead": {"stalls": 1}}]
    assert readers[0].updates[0] is readers[1].updates[0] is readers[2].updates[0]


def test_nothing_is_pushed_to_whom_nothing_concerns() -> None:
    board, reader = StatusTracker(), Reader()
    board.set(reader, wanted({"toolhead": ["stalls"]}))
    change(board, {"toolhead": {"position": [1]}, "fan": {"speed": 1.0}})
    assert reader.updates == []


def test_the_newer_subscription_replaces_the_older() -> None:
    board, reader = StatusTracker(), Reader()
    board.set(reader, wanted({"a": None}))
    board.set(reader, wanted({"b": None}))
    change(board, {"a": {"x": 1}})
    change(board, {"b": {"x": 1}})
    assert reader.deltas == [{"b": {"x": 1}}]
    assert board.union({}) == {"b": None}
    board.set(reader, {})
    assert board.union({}) == {}
    assert len(board.readers) == 0


def test_readers_that_are_gone_are_not_added() -> None:
    board, reader = StatusTracker(), Reader()
    reader.open = False
    board.set(reader, wanted({"a": None}))
    assert len(board.readers) == 0
    board.remove(reader)


def test_groups_without_readers_vanish() -> None:
    subscriptions = Subscriptions()
    reader = Reader()
    subscriptions.set(reader, wanted({"a": ["x"]}))
    subscriptions.remove(reader)
    subscriptions.push(StatusUpdate({"a": {"x": 1}}, 1.0))
    assert reader.updates == []
    assert subscriptions.union({}) == {}


def test_news_in_a_reply_is_what_others_have_not_seen() -> None:
    board = StatusTracker()
    change(board, {"a": {"x": 1, "y": 2}})
    status: StatusDelta = {"a": {"x": 1, "y": 3}, "b": {"x": None}}
    assert board.subscribed({"a": None, "b": ["x"]}, status, 2.0) == {
        "a": {"y": 3},
        "b": {"x": None},
    }
    assert board.subscribed({"a": None, "b": ["x"]}, status, 2.0) == {}


def test_large_parts_of_configfile_are_neither_kept_nor_news() -> None:
    board = StatusTracker()
    fields = {"config": {"a": 1}, "settings": {"a": 1}, "save_config_pending": False}
    news = board.subscribed({"configfile": None}, {"configfile": fields}, 1.0)
    assert news == {"configfile": {"save_config_pending": False}}
    assert board.fields("configfile") == {"save_config_pending": False}
    answer = board.answer(wanted({"configfile": None}), {"configfile": fields})
    assert answer["status"] == {"configfile": fields}


def test_the_answer_is_the_reply_with_what_changed_since() -> None:
    board = StatusTracker()
    status: StatusDelta = {"a": {"x": 1, "y": 1}, "other": {"z": 1}, "unknown": {}}
    asked = {"a": ["x", "y"], "other": None, "unknown": None}
    board.subscribed(asked, status, 1.0)
    change(board, {"a": {"x": 2}, "other": {"z": 2}}, 3.0)
    answer = board.answer(wanted({"a": ["x", "no"], "unknown": None}), status)
    assert answer == {"eventtime": 3.0, "status": {"a": {"x": 2}, "unknown": {}}}


def test_fields_that_vanished_from_an_object_are_forgotten() -> None:
    board = StatusTracker()
    change(board, {"a": {"gone": 1, "x": 1}})
    status: StatusDelta = {"a": {"x": 1}}
    board.subscribed({"a": None}, status, 1.0)
    assert board.answer(wanted({"a": None}), status)["status"] == {"a": {"x": 1}}


def test_what_is_pushed_is_not_changed_later() -> None:
    board, reader = StatusTracker(), Reader()
    board.set(reader, wanted({"a": None}))
    change(board, {"a": {"x": 1}})
    change(board, {"a": {"x": 2}})
    assert reader.deltas == [{"a": {"x": 1}}, {"a": {"x": 2}}]
    assert board.fields("a") == {"x": 2}
    change(board, {"a": {"y": 3}})
    assert board.fields("a") == {"x": 2, "y": 3}


def test_changes_are_taken_in_order_however_many_wait() -> None:
    board = StatusTracker()
    for number in range(200):
        change(board, {"a": {"x": number, str(number % 70): number}}, float(number))
    assert board.fields("a")["x"] == 199
    assert board.fields("a")["60"] == 130
    assert len(board.fields("a")) == 71
    change(board, {"configfile": {"settings": {"a": 1}, "warnings": []}})
    assert board.fields("configfile") == {"warnings": []}


def test_what_nobody_subscribes_to_any_more_is_forgotten() -> None:
    board = StatusTracker()
    board.subscribed({"a": None, "b": ["x", "y"]}, {"a": {"z": 1}, "b": {"x": 1, "y": 1}}, 1.0)
    board.subscribed({"b": ["x"], "unknown": None}, {"b": {"x": 2}, "unknown": {}}, 2.0)
    assert [board.fields(name) for name in ("a", "b")] == [{}, {"x": 2}]
    answer = board.answer(wanted({"b": ["x"]}), {"b": {"x": 1}})
    assert answer == {"eventtime": 2.0, "status": {"b": {"x": 2}}}


@pytest.mark.parametrize("later", ["extruder", "gcode_macro caf\u00e9"])
def test_what_another_subscribes_to_later_is_not_for_everybody(later: str) -> None:
    """Klipper's own text goes out where that is all that was asked for."""

    def push(**objects: object) -> None:
        params = msgspec.json.encode({"eventtime": 1.5, "status": objects})
        board.push(read_update(msgspec.Raw(params)))

    board, first, second, all_of_it = StatusTracker(), Reader(), Reader(), Reader()
    board.subscribed({"fan": None}, {"fan": {"speed": 0}}, 1.0)
    board.set(first, wanted({"fan": None}))
    push(fan={"speed": 1})
    both: dict[str, None] = {"fan": None, later: None}
    board.subscribed(both, {"fan": {"speed": 1}, later: {"target": 0}}, 2.0)
    board.set(second, wanted({later: None}))
    board.set(all_of_it, wanted(both))
    push(**{"fan": {"speed": 2}, later: {"target": 1}})
    assert first.deltas == [{"fan": {"speed": 1}}, {"fan": {"speed": 2}}]
    assert second.deltas == [{later: {"target": 1}}]
    assert all_of_it.deltas == [{"fan": {"speed": 2}, later: {"target": 1}}]


def test_one_of_two_with_the_same_subscription_leaves() -> None:
    board, one, other = StatusTracker(), Reader(), Reader()
    for reader in (one, other):
        board.set(reader, wanted({"a": None}))
    board.remove(one)
    change(board, {"a": {"x": 1}})
    assert (one.deltas, other.deltas) == ([], [{"a": {"x": 1}}])


def test_bounds_of_a_subscription() -> None:
    assert check_size({}) == 0
    assert check_size({"fan": None, "extruder": ["target", "power"]}) == 3 + 8 + 6 + 5 + 4 * 150
    check_size({str(number): None for number in range(MOST_OBJECTS)})
    with pytest.raises(ClientError, match="more than 1000 printer objects"):
        check_size({str(number): None for number in range(MOST_OBJECTS + 1)})
    check_size({"a": ["x" * (MOST_CHARS - 1)]})
    with pytest.raises(ClientError, match="names of more than 131072 characters"):
        check_size({"a": ["x" * (MOST_CHARS - 1), "y"]})
