"""Names of topics, and what payloads look like on the wire and back."""

import json

import pytest

from mrk.definitions.limits import TOPIC_BYTES
from mrk.errors import ClientError
from mrk.mqtt.payloads import MAX_PAYLOAD_BYTES, decode_payload, encode_payload
from mrk.mqtt.status import PendingStatus, status_messages
from mrk.mqtt.topics import Topics, check_qos, check_topic
from mrk.status.update import StatusUpdate

TOPICS = Topics("shop")


@pytest.mark.parametrize("topic", ["a", "/", "a/b c/ü", "x" * TOPIC_BYTES])
def test_good_topics(topic):
    assert check_topic(topic) == topic


@pytest.mark.parametrize(
    "topic", ["", "a/+", "#", "a/#", "a\0b", "\ud800", "ü" * (TOPIC_BYTES // 2 + 1)]
)
def test_bad_topics(topic):
    with pytest.raises(ClientError) as info:
        check_topic(topic)
    assert info.value.status == 400


def test_quality_of_service():
    assert [check_qos(qos) for qos in (0, 1, 2)] == [0, 1, 2]
    for qos in (-1, 3):
        with pytest.raises(ClientError, match=r"0 to 2"):
            check_qos(qos)


@pytest.mark.parametrize(
    ("payload", "encoded"),
    [
        (None, b""),
        ("", b""),
        ("text", b"text"),
        (True, b"true"),
        (False, b"false"),
        (0, b"0"),
        (1.5, b"1.5"),
        ({"a": [1, None]}, b'{"a":[1,null]}'),
        ([], b"[]"),
    ],
)
def test_payloads_out(payload, encoded):
    assert encode_payload(payload) == encoded


def test_payloads_that_cannot_go_out():
    for payload in ("\ud800", {"a": object()}):
        with pytest.raises(ClientError) as info:
            encode_payload(payload)
        assert info.value.status == 400
    assert len(encode_payload("x" * MAX_PAYLOAD_BYTES)) == MAX_PAYLOAD_BYTES
    with pytest.raises(ClientError) as info:
        encode_payload("x" * (MAX_PAYLOAD_BYTES + 1))
    assert info.value.status == 413


@pytest.mark.parametrize(
    ("payload", "decoded"),
    [
        (b"", ""),
        (b"on", "on"),
        (b"17", 17),
        (b'{"a": null}', {"a": None}),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * 100_000),
    ],
)
def test_payloads_in(payload, decoded):
    assert decode_payload(payload) == decoded


def test_topics_of_an_instance():
    assert TOPICS.request == "shop/moonraker/api/request"
    assert TOPICS.response == "shop/moonraker/api/response"
    assert TOPICS.server == "shop/moonraker/status"
    assert TOPICS.status == "shop/klipper/status"
    assert (
        TOPICS.field("heater_generic a", "target") == "shop/klipper/state/heater_generic a/target"
    )
    assert TOPICS.field("gcode_macro a/b+#", "x\n") == "shop/klipper/state/gcode_macro a_b__/x_"


def test_status_whole_and_split():
    update = StatusUpdate({"toolhead": {"position": [1, 2]}, "fan": {"speed": 0, "rpm": None}}, 7.5)
    ((topic, payload),) = status_messages(TOPICS, update, split=False)
    assert topic == "shop/klipper/status"
    assert json.loads(payload) == {"eventtime": 7.5, "status": update.delta}
    split = {
        topic: json.loads(payload) for topic, payload in status_messages(TOPICS, update, split=True)
    }
    assert split == {
        "shop/klipper/state/toolhead/position": {"eventtime": 7.5, "value": [1, 2]},
        "shop/klipper/state/fan/speed": {"eventtime": 7.5, "value": 0},
        "shop/klipper/state/fan/rpm": {"eventtime": 7.5, "value": None},
    }


def test_pending_status_merges_and_leaves_what_it_was_given():
    pending = PendingStatus()
    assert pending.take() is None
    first = StatusUpdate({"fan": {"speed": 0, "rpm": 1}}, 1.0)
    pending.add(first)
    pending.add(StatusUpdate({"fan": {"speed": 1}, "x": {"y": 2}}, 2.0))
    assert pending
    taken = pending.take()
    assert (taken.delta, taken.eventtime) == ({"fan": {"speed": 1, "rpm": 1}, "x": {"y": 2}}, 2.0)
    assert first.delta == {"fan": {"speed": 0, "rpm": 1}}
    assert not pending
