import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.can.bus import CanFrame
from mrk.can.uuid_query import (
    ANSWER_ID,
    MOST_NODES,
    QUERY,
    Answers,
    CanNode,
    is_interface_name,
    node_of,
)

UUID = bytes.fromhex("4b1f0c9a22de")


def answer(*told: int, uuid: bytes = UUID) -> CanFrame:
    return CanFrame(ANSWER_ID, b"\x20" + uuid + bytes(told))


def test_the_query_is_one_byte_to_everybody() -> None:
    assert (QUERY.can_id, QUERY.data) == (0x3F0, b"\0")


@pytest.mark.parametrize(
    ("frame", "application"),
    [
        (answer(0x01), "Klipper"),
        (answer(0x11), "Katapult"),
        (answer(0x10), "Unknown"),
        (answer(), "Unknown"),
    ],
)
def test_nodes_say_who_shall_assign_them(frame: CanFrame, application: str) -> None:
    assert node_of(frame) == CanNode("4b1f0c9a22de", application)


@pytest.mark.parametrize(
    "frame",
    [
        CanFrame(0x3F0, answer(1).data),
        CanFrame(ANSWER_ID, answer(1).data, plain=False),
        CanFrame(ANSWER_ID, b""),
        CanFrame(ANSWER_ID, b"\x20\x01\x02"),
        CanFrame(ANSWER_ID, answer(1, 2).data),
        CanFrame(ANSWER_ID, b"\x21" + UUID + b"\x01"),
    ],
)
def test_other_frames_are_no_answers(frame: CanFrame) -> None:
    assert node_of(frame) is None


def test_repeated_answers_are_one_node_in_the_order_first_heard() -> None:
    answers = Answers()
    other = bytes.fromhex("000000000001")
    for frame in (answer(), answer(1, uuid=other), answer(0x11), answer(1), answer(1, uuid=other)):
        answers.feed(frame)
    assert answers.nodes == [CanNode("4b1f0c9a22de", "Katapult"), CanNode(other.hex(), "Klipper")]


def test_a_flood_of_nodes_is_bounded() -> None:
    answers = Answers()
    for number in range(1000):
        answers.feed(answer(1, uuid=number.to_bytes(6, "big")))
    assert answers.full
    assert len(answers.nodes) == MOST_NODES


@given(st.integers(0, 0x7FF), st.binary(max_size=64), st.booleans())
def test_any_frame_is_a_node_or_none(can_id: int, data: bytes, plain: bool) -> None:
    node = node_of(CanFrame(can_id, data, plain))
    assert node is None or len(node.uuid) == 12


@pytest.mark.parametrize("name", ["can0", "vcan1", "slcan-0", "can_a.1"])
def test_names_of_interfaces(name: str) -> None:
    assert is_interface_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "can 0", "x" * 16, "can0\n", "a:b", "a\0"])
def test_names_that_no_interface_has(name: str) -> None:
    assert not is_interface_name(name)
