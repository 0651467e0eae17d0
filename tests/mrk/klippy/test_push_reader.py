"""Pushes as Klipper writes them, and all others, which are left to `read_update`."""

import json

import msgspec
import pytest

from mrk.klippy.messages import decode_frame, read_update
from mrk.klippy.push_reader import PushReader

USUAL = (
    b'{"method":"process_status_update","params":{"eventtime":1.50,"status":'
    b'{"fan":{"speed":0.5},"gcode_macro a b":{"x":[{"y":1}]}}}}'
)


def test_a_push_is_passed_on_as_it_came() -> None:
    update = PushReader(()).read(USUAL)
    assert update is not None
    assert update.eventtime == 1.5
    assert update.framed(bytes) == (
        b'{"jsonrpc":"2.0","method":"notify_status_update","params":'
        b'[{"fan":{"speed":0.5},"gcode_macro a b":{"x":[{"y":1}]}},1.50]}'
    )


def test_followed_objects_are_read_in_the_same_pass() -> None:
    update = PushReader(("fan", "heater", "gcode_macro a b")).read(USUAL)
    assert update is not None
    assert update.found == {
        "fan": msgspec.Raw(b'{"speed":0.5}'),
        "gcode_macro a b": msgspec.Raw(b'{"x":[{"y":1}]}'),
    }
    assert update.fields("fan") == {"speed": 0.5}
    assert update.fields("gcode_macro a b") == {"x": [{"y": 1}]}
    assert update.fields("heater") is None
    assert update.delta == {"fan": {"speed": 0.5}, "gcode_macro a b": {"x": [{"y": 1}]}}
    update = PushReader(("heater",)).read(USUAL)
    assert update is not None
    assert not update.found
    assert update.fields("heater") is None
    assert update.fields("fan") == {"speed": 0.5}


def test_names_are_found_however_json_writes_them() -> None:
    update = PushReader(("café", "fan")).read(USUAL.replace(b'"fan"', b'"caf\\u00e9"'))
    assert update is not None
    assert update.found.keys() == {"café"}
    assert update.fields("café") == {"speed": 0.5}
    assert update.fields("fan") is None


def test_what_is_followed_and_is_no_object_is_left_out() -> None:
    update = PushReader(("fan",)).read(USUAL.replace(b'{"speed":0.5}', b"7"))
    assert update is not None
    assert update.fields("fan") is None


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (b"0.5", b"NaN"),
        (b"0.5", b"-Infinity"),
        (b'"fan":{"speed":0.5},"gcode_macro a b":{"x":[{"y":1}]}', b""),
        (b"0.5", b'"\xc3\xa9"'),
        (b"0.5", b'"\xff"'),
        (b"0.5", b"0.5}"),
        (b"1.50", b"null"),
        (b"1.50", b"01"),
        (b"1.50", b"1_0"),
        (b'"status"', b'"other":1,"status"'),
        (b"}}}}", b'}},"more":{"x":1}}}'),
        (b'"eventtime":1.50,', b""),
        (b'"params"', b'"more":1,"params"'),
        (b"process_status_update", b"process_gcode_response"),
        (b",", b", "),
        (b"0.5", b"[" * 5000),
    ],
)
def test_everything_else_is_left_to_the_general_way(part: bytes, other: bytes) -> None:
    assert PushReader(("fan",)).read(USUAL.replace(part, other)) is None


def test_both_ways_read_the_same() -> None:
    frame = json.dumps(json.loads(USUAL)).encode()
    assert PushReader(()).read(frame) is None
    usual, other = PushReader(()).read(USUAL), read_update(decode_frame(frame).params)
    assert usual is not None
    assert (usual.delta, usual.eventtime) == (other.delta, other.eventtime)
    assert isinstance(decode_frame(USUAL).params, msgspec.Raw)
