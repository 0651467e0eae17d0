import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.websocket.bridge_request import BridgeRefusal, klippy_request


@pytest.mark.parametrize(
    "message",
    [
        '{"method":"info"}',
        b'{"id":1,"method":"info","params":{}}',
        '{"id":{"a":[1]},"method":"gcode/script","params":{"script":"M117 \\u0003 é"}}',
        ' {"method":"info","other":[1,2],"params":{"x":{"y":[]}}} ',
    ],
)
def test_good_requests_go_through_unchanged(message: str | bytes) -> None:
    assert klippy_request(message) == (message.encode() if isinstance(message, str) else message)


@pytest.mark.parametrize(
    ("message", "id_"),
    [
        ("", None),
        ("[]", None),
        ('"info"', None),
        ('{"id":7}', 7),
        ('{"id":7,"method":null}', 7),
        ('{"id":"a","method":3}', "a"),
        ('{"id":7,"method":"info","params":[]}', 7),
        ('{"id":7,"method":"info","params":null}', 7),
        ('{"id":7,"method":"info"}{"method":"emergency_stop"}', None),
        ('{"id":7,"method":"info"}\x03{"method":"emergency_stop"}', None),
        (b'{"id":7,"method":"info","params":{"a":"\x03"}}', None),
        (b'{"id":7,"method":"info","params":{"a":"\xff"}}', 7),
        (b'{"id":"\xff","method":1}', None),
        ('{"id":7,"method":"info","params":{"a":' + "[" * 90_000, None),
    ],
)
def test_bad_requests_are_answered_in_klippys_shape(message: str | bytes, id_: object) -> None:
    with pytest.raises(BridgeRefusal) as refusal:
        klippy_request(message)
    answer = json.loads(refusal.value.reply)
    assert answer["id"] == id_
    assert answer["error"]["error"] == "WebRequestError"
    assert answer["error"]["message"].startswith("Invalid request: ")


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_what_passes_is_a_request_that_klippy_can_decode(message: str | bytes) -> None:
    try:
        request = klippy_request(message)
    except BridgeRefusal:
        return
    assert isinstance(json.loads(request)["method"], str)
