"""Updates whose objects are still JSON text."""

import json

import msgspec
import pytest

from mrk.klippy.messages import read_update
from mrk.klippy.push_reader import PushReader
from mrk.status.subscriptions import wanted
from mrk.status.update import StatusUpdate, quoted_name

A_AND_B: dict[str, dict[str, int]] = {"a": {}, "b": {"x": 1}}


def update_of(**objects: str) -> StatusUpdate:
    return StatusUpdate({name: msgspec.Raw(text.encode()) for name, text in objects.items()}, 1.5)


def sent(update: StatusUpdate | None) -> object:
    assert update is not None
    return json.loads(update.framed(bytes))["params"]


def test_what_is_wanted_whole_goes_out_as_it_came() -> None:
    update = update_of(fan='{"speed": 0.5}', extruder='{"target": 1}')
    assert update.part(wanted({"fan": None, "extruder": None, "x": None})) is update
    assert b'{"speed": 0.5}' in update.framed(bytes)
    assert sent(update) == [{"fan": {"speed": 0.5}, "extruder": {"target": 1}}, 1.5]


def unread(text: str) -> StatusUpdate:
    return read_update(msgspec.Raw(f'{{"eventtime": 1.5, "status": {text}}}'.encode()))


def test_klippers_own_text_goes_out_to_who_wants_all_that_it_can_have() -> None:
    update = unread('{"fan": {"speed":  0.5}, "gcode_macro a": {"x": 1}}')
    assert (
        update.part(wanted({"fan": None, "gcode_macro a": None}), {"heater": b'"heater"'}) is update
    )
    assert b'{"fan": {"speed":  0.5}, "gcode_macro a": {"x": 1}},1.5]' in update.framed(bytes)
    assert sent(update) == [{"fan": {"speed": 0.5}, "gcode_macro a": {"x": 1}}, 1.5]
    part = update.part(wanted({"fan": None}), {"gcode_macro a": b'"gcode_macro a"'})
    assert sent(part) == [{"fan": {"speed": 0.5}}, 1.5]
    assert update.part(wanted({"heater": None}), {"fan": b'"fan"'}) is None


def test_one_object_is_read_from_klippers_text_without_the_others() -> None:
    text = '{"fan": {"speed": 1}, "b": {"fan": 2, "name": "heater"}, "odd": 7}'
    update = unread(text)
    assert update.fields("fan") == {"speed": 1}
    assert update.fields("b") == {"fan": 2, "name": "heater"}
    assert update.fields("heater") is None  # stands in it, but is no object of it
    assert update.fields("odd") is None
    assert update.fields("none") is None
    assert list(update.names) == ["fan", "b"]
    assert sent(update) == [json.loads(text), 1.5]  # it is known whole, and goes out as it came


def test_names_that_json_may_write_in_several_ways() -> None:
    assert quoted_name("gcode_macro M'x é") is None
    assert quoted_name('a"b') is None
    assert quoted_name("a\\b") is None
    assert quoted_name("heater_generic a-b") == b'"heater_generic a-b"'
    update = unread('{"caf\\u00e9": {"x": 1}}')
    assert update.fields("café") == {"x": 1}


def test_a_part_of_it() -> None:
    update = update_of(fan='{"speed": 0.5, "rpm": 9}', extruder='{"target": 1}')
    assert sent(update.part(wanted({"fan": ["rpm"]}))) == [{"fan": {"rpm": 9}}, 1.5]
    assert sent(update.part(wanted({"extruder": None}))) == [{"extruder": {"target": 1}}, 1.5]
    assert update.part(wanted({"fan": ["power"], "heater": None})) is None
    assert update.part({}) is None


def test_merging_decodes_only_what_both_have() -> None:
    first = update_of(fan='{"speed": 0.5, "rpm": 9}', a="{}")
    later = StatusUpdate({"fan": msgspec.Raw(b'{"speed":1}'), "b": {"c": 2}}, 2.0)
    both = first.merged(later)
    assert sent(both) == [{"fan": {"speed": 1, "rpm": 9}, "a": {}, "b": {"c": 2}}, 2.0]
    assert first.fields("fan") == {"speed": 0.5, "rpm": 9}


def test_fields_are_decoded_once_and_shared_with_parts() -> None:
    update = update_of(fan='{"speed": 1}', a="{}")
    part = update.part(wanted({"fan": None}))
    assert part is not None
    assert part.fields("fan") is update.fields("fan")
    assert update.fields("none") is None


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (b'{"eventtime": 2.5, "status": {"a": {"x": 1}}}', ({"a": {"x": 1}}, 2.5)),
        (
            b'{"eventtime": 2.5, "status": {"a": {}, "b": {"x": 1}}}',
            ({"a": {}, "b": {"x": 1}}, 2.5),
        ),
        (b'{"eventtime": null, "status": {"a": {"x": 1}, "b": 7}}', ({"a": {"x": 1}}, 0.0)),
        (b'{"eventtime": 1, "status": [1]}', ({}, 1.0)),
        (b"[1]", ({}, 0.0)),
        (b"", ({}, 0.0)),
        (b'{"status": {"a": {"x": NaN}}}', ({"a": {"x": None}}, 0.0)),
    ],
)
def test_what_klipper_and_its_forks_send(params: bytes, expected: object) -> None:
    update = read_update(msgspec.Raw(params))
    assert (update.delta, update.eventtime) == expected


def test_what_was_looked_for_is_not_searched_for_again() -> None:
    reader = PushReader(("fan", "heater"))
    update = reader.read(
        b'{"method":"process_status_update","params":{"eventtime":1.5,"status":'
        b'{"a":{"name":"heater"}}}}'
    )
    assert update is not None
    others = {"fan": b'"fan"', "heater": b'"heater"'}
    assert update.part(wanted({"a": None}), others) is update
    assert update.part(wanted({"b": None}), {**others, "a": b'"a"'}) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"fan": {"speed": 1.5}, "b": {"x": [1, {"y": null}]}}',
        '{"fan": {"speed": 1}, "empty": {}}',
        '{"fan": {"speed": 1}, "odd": 7, "none": null}',
        '{"fan": {"speed": NaN}, "b": {"x": 1}}',
    ],
)
def test_all_at_once_is_what_one_by_one_is(text: str) -> None:
    at_once, one_by_one = unread(text), unread(text)
    fields = {name: one_by_one.fields(name) for name in ("fan", "b", "empty", "odd", "none")}
    given = {name: found for name, found in fields.items() if found is not None}
    assert str(at_once.delta) == str(given)  # NaN is equal to nothing
    assert list(at_once.names) == list(given)
    assert str(one_by_one.delta) == str(given)
    assert at_once.framed(bytes) == one_by_one.framed(bytes)


def test_what_is_followed_by_others_is_not_for_who_did_not_ask() -> None:
    frame = (
        b'{"method":"process_status_update","params":{"eventtime":1.5,"status":'
        b'{"fan":{"speed":1},"toolhead":{"x":2}}}}'
    )
    update = PushReader(["toolhead", "extruder"]).read(frame)
    assert update is not None
    others = {"toolhead": b'"toolhead"', "extruder": b'"extruder"'}
    assert sent(update.part(wanted({"fan": None}), others)) == [{"fan": {"speed": 1}}, 1.5]
    assert update.part(wanted({"toolhead": None}), {"fan": b'"fan"'}) is not update
    both = wanted({"fan": None, "toolhead": None})
    assert update.part(both, {"extruder": b'"extruder"'}) is update
    assert update.fields("toolhead") == {"x": 2}
    assert update.fields("extruder") is None


def test_a_file_name_that_is_no_utf_8() -> None:
    """Klipper's JSON has half of a surrogate pair for each byte that it could not read."""
    update = unread(r'{"print_stats": {"filename": "caf\udce9.gcode"}, "fan": {"speed": 1}}')
    assert update.fields("print_stats") == {"filename": "caf\ufffd.gcode"}
    assert update.delta["print_stats"] == {"filename": "caf\ufffd.gcode"}
    part = update.part(wanted({"print_stats": ["filename"]}))
    assert sent(part) == [{"print_stats": {"filename": "caf\ufffd.gcode"}}, 1.5]


def test_what_may_be_in_it() -> None:
    text = '{"fan": {"speed": 1}, "b": {"heater": 2}}'
    update = unread(text)
    assert update.may_change(["fan"])
    assert update.may_change(["heater", "x"])  # it stands there, as something else
    assert not update.may_change(["x", "speedy"])
    assert update.may_change(["caf\u00e9"])  # that could be written in another way
    assert list(update.names) == ["fan", "b"]
    assert update.may_change(["fan", "x"])
    assert not update.may_change(["heater", "caf\u00e9"])


def test_objects_that_are_empty_or_none() -> None:
    text = '{"a": { }, "b": [1, 2], "c": "{1}", "d": {"x": 1}, "e": {"":0}}'
    update = unread(text)
    assert list(update.names) == ["a", "d", "e"]
    assert [update.fields(name) for name in "abcde"] == [{}, None, None, {"x": 1}, {"": 0}]
    assert sent(update.part(wanted(dict.fromkeys("bcd")))) == [{"d": {"x": 1}}, 1.5]
    later = update.merged(unread('{"d": {"y": 2}}'))
    assert later.delta == {"a": {}, "d": {"x": 1, "y": 2}, "e": {"": 0}}


@pytest.mark.parametrize("text", [True, False])
def test_a_part_has_no_more_when_it_is_read_or_merged(text: bool) -> None:
    """MQTT publishes what it reads of a part, and parts merge for who reads slowly."""
    bed, fan = '{"target": 60, "power": 1, "temperature": 26.5}', '{"speed": 1}'
    whole = f'{{"heater_bed": {bed}, "fan": {fan}}}'
    update = unread(whole) if text else update_of(heater_bed=bed, fan=fan)
    assert update.fields("heater_bed") == json.loads(bed)
    part = update.part(wanted({"heater_bed": ["target"]}))
    assert part is not None
    assert part.fields("heater_bed") == {"target": 60}
    assert part.fields("fan") is None
    assert part.delta == {"heater_bed": {"target": 60}}
    later = update_of(heater_bed='{"target": 0, "power": 0}').part(
        wanted({"heater_bed": ["target"]})
    )
    assert later is not None
    assert sent(part.merged(later)) == [{"heater_bed": {"target": 0}}, 1.5]
    assert update.fields("heater_bed") == json.loads(bed)
