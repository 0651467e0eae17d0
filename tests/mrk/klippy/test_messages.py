import contextlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.klippy.messages import (
    JunkFrame,
    decode_frame,
    decode_value,
    encode_request,
    error_message,
    is_empty,
    read_status,
)

RECORDINGS = Path(__file__).parents[2] / "data" / "klippy"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize("name", ["static.jsonl", "errors.jsonl", "restart.jsonl"])
def test_recorded_frames_are_read(name: str) -> None:
    for line in (RECORDINGS / name).read_text().splitlines():
        recorded = json.loads(line)
        message = recorded.get("reply") or recorded.get("message")
        if not isinstance(message, dict):
            continue
        frame = decode_frame(json.dumps(message).encode())
        assert frame.id == message.get("id")
        assert frame.method == message.get("method")
        assert frame.error == message.get("error")
        assert decode_value(frame.result) == message.get("result")


def test_a_result_is_passed_on_as_it_came() -> None:
    frame = decode_frame(b'{"id": 1, "result": {"b" : 1.50,  "a":null}}')
    assert bytes(frame.result) == b'{"b" : 1.50,  "a":null}'


def test_python_numbers_that_are_no_json_become_null() -> None:
    frame = decode_frame(b'{"id": 1, "result": {"a": NaN, "b": -Infinity, "c": [1e999, 1]}}')
    assert decode_value(frame.result) == {"a": None, "b": None, "c": [None, 1]}


def test_out_of_range_numbers_in_a_raw_result() -> None:
    frame = decode_frame(b'{"id": 1, "result": {"a": 1e999}}')
    assert decode_value(frame.result) == {"a": None}


def test_lone_surrogates_of_broken_file_names() -> None:
    frame = decode_frame(b'{"method": "m", "params": {"file_path": "a\\udc80b"}}')
    assert decode_value(frame.params) == {"file_path": "a\ufffdb"}
    msgspec.json.encode(frame.params)


@given(JSON)
def test_whatever_python_writes_can_be_read_and_sent_on(value: object) -> None:
    for ascii_only in (True, False):
        text = json.dumps({"id": 7, "result": value, "params": value}, ensure_ascii=ascii_only)
        frame = decode_frame(text.encode())
        assert frame.id == 7
        msgspec.json.encode([frame.params, frame.result])


@given(st.binary())
def test_any_bytes_are_a_frame_or_junk(data: bytes) -> None:
    with contextlib.suppress(JunkFrame):
        decode_frame(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"5",
        b"{",
        b"{junk",
        b'{"id": 1, "result": "\xff"}',
        b'{"params": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"params": NaN, "a": ' + b"[" * 50000 + b"]" * 50000 + b"}",
    ],
)
def test_frames_that_are_junk(data: bytes) -> None:
    with pytest.raises(JunkFrame):
        decode_frame(data)


@pytest.mark.parametrize("data", [b"{}", b" {} ", b"null", b'""', b"[]", b"0", b"false", b""])
def test_empty_results(data: bytes) -> None:
    assert is_empty(msgspec.Raw(data))


@pytest.mark.parametrize("data", [b'{"a":1}', b"1", b'"ok"', b"true", b"[0]"])
def test_results_with_content(data: bytes) -> None:
    assert not is_empty(msgspec.Raw(data))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ({"error": "WebRequestError", "message": "Missing Argument"}, "Missing Argument"),
        ("plain", "plain"),
        ({"error": "only"}, "only"),
        (5, "5"),
        ({"message": None}, "null"),
    ],
)
def test_error_messages_of_all_shapes(error: object, message: str) -> None:
    assert error_message(error) == message


def test_a_request_contains_no_frame_end() -> None:
    sent = encode_request("gcode/script", {"script": "a\x03\nb"}, 5)
    assert b"\x03" not in sent
    assert json.loads(sent) == {
        "id": 5,
        "method": "gcode/script",
        "params": {"script": "a\x03\nb"},
    }


def test_without_id_no_answer_is_asked_for() -> None:
    assert json.loads(encode_request("m", {})) == {"method": "m", "params": {}}


def test_what_cannot_be_written_is_a_client_error() -> None:
    with pytest.raises(ClientError, match="cannot be sent"):
        encode_request("m", {"a": "\ud800"}, 1)


@pytest.mark.parametrize("params", [None, [], {"status": []}, {"status": None, "eventtime": "x"}])
def test_updates_without_status(params: object) -> None:
    assert read_status(params) == ({}, 0.0)


def test_parts_of_an_update_that_do_not_fit_are_left_out() -> None:
    params = {"eventtime": 5.5, "status": {"a": {"x": None}, "b": None, "c": [1]}}
    assert read_status(params) == ({"a": {"x": None}}, 5.5)


def test_params_that_cannot_be_read() -> None:
    frame = decode_frame(b'{"method": "m", "params": ' + b"9" * 5000 + b"}")
    with pytest.raises(JunkFrame):
        decode_value(frame.params)
