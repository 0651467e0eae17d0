"""Time stamps of requests, batches, subscriptions that become queries."""

import json

import pytest

from mrk.mqtt.requests import DUPLICATE, MqttRequest, Stamps, is_urgent, prepare


def call(id=1, method="server.info", **params):
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": id}


def prepared(value, stamps=None):
    request = prepare(json.dumps(value).encode(), stamps or Stamps())
    left = None if request.message is None else json.loads(request.message)
    return left, [json.loads(error) for error in request.refused], request


@pytest.mark.parametrize("message", [b"{}", b"junk", b"[1, 2", b'{"method": "x"}', b""])
def test_messages_without_a_mark_pass_as_they_are(message):
    assert prepare(message, Stamps()) == MqttRequest(message)


def test_junk_with_a_mark_passes_too():
    assert prepare(b"{mqtt_timestamp", Stamps()) == MqttRequest(b"{mqtt_timestamp")
    assert prepare(b'"mqtt_timestamp"', Stamps()).message == b'"mqtt_timestamp"'


def test_a_stamp_is_taken_out_and_refused_the_second_time():
    stamps = Stamps()
    left, refused, _ = prepared(call(a=1, mqtt_timestamp=5.0), stamps)
    assert (left, refused) == (call(a=1), [])
    left, refused, request = prepared(call(id=9, mqtt_timestamp=5.0), stamps)
    assert left is None
    assert refused[0]["id"] == 9
    assert refused[0]["error"]["code"] == DUPLICATE == -10000
    assert json.loads(request.joined(None)) == refused[0]


def test_twenty_stamps_are_remembered():
    stamps = Stamps()
    for stamp in range(20):
        assert stamps.is_new(stamp)
    assert not stamps.is_new(0)
    assert stamps.is_new(20)
    assert stamps.is_new(0)


def test_no_stamp_and_a_null_one_are_alike():
    stamps = Stamps()
    for _ in range(2):
        assert prepared(call(mqtt_timestamp=None), stamps)[:2] == (call(), [])


def test_a_notification_that_comes_again_is_dropped_in_silence():
    stamps = Stamps()
    prepared(call(mqtt_timestamp=1), stamps)
    left, refused, request = prepared(call(id=None, mqtt_timestamp=1), stamps)
    assert (left, refused) == (None, [])
    assert request.joined(None) is None


def test_of_a_batch_the_new_calls_are_left():
    stamps = Stamps()
    prepared(call(mqtt_timestamp=1), stamps)
    batch = [call(2, mqtt_timestamp=1), call(3, mqtt_timestamp=2), "junk", call(4)]
    left, refused, request = prepared(batch, stamps)
    assert left == [call(3), "junk", call(4)]
    assert [error["id"] for error in refused] == [2]
    answers = json.loads(request.joined(b'[{"id":3},{"id":4}]'))
    assert [answer["id"] for answer in answers] == [2, 3, 4]
    assert [a["id"] for a in json.loads(request.joined(b'{"id":null}'))] == [2, None]
    assert [a["id"] for a in json.loads(request.joined(None))] == [2]


def test_a_subscription_becomes_a_query():
    left, _, _ = prepared(call(method="printer.objects.subscribe", objects={"toolhead": None}))
    assert left == call(method="printer.objects.query", objects={"toolhead": None})
    assert prepared(call(script="printer.objects.subscribe"))[0]["method"] == "server.info"


def test_what_may_be_an_emergency_stop():
    assert is_urgent(b'{"method":"printer.emergency_stop"}')
    assert not is_urgent(b'{"method":"server.info"}')
