import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.klippy.requests import check_arguments, check_objects, check_script, print_file_script


def test_objects_as_clients_send_them() -> None:
    objects = {"toolhead": None, "extruder": ["target", "temperature"], "x": []}
    assert check_objects({"objects": objects}, required=True) == objects


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("speed", ["speed"]),
        ("{'state', 'filename', 'message'}", ["state", "filename", "message"]),
        ("('state',)", ["state"]),
        ('["state", "state"]', ["state"]),
        ("temperature,target", ["temperature", "target"]),
        ("", []),
        ("x" * 4096, ["x" * 4096]),
    ],
)
def test_a_text_is_read_as_the_names_in_it(text: str, fields: list[str]) -> None:
    objects = {"fan": text, "extruder": None, "toolhead": ["position"]}
    assert check_objects({"objects": objects}, required=False) == {**objects, "fan": fields}


def test_a_text_that_is_too_long_for_field_names() -> None:
    with pytest.raises(ClientError, match="must be null or an array of texts"):
        check_objects({"objects": {"fan": "x" * 4097}}, required=False)


@pytest.mark.parametrize(
    "objects", [None, 5, "toolhead", ["toolhead"], {"a": 5}, {"a": [1]}, {"a": {}}, {5: None}]
)
def test_objects_that_must_not_reach_klipper(objects: object) -> None:
    with pytest.raises(ClientError) as refused:
        check_objects({"objects": objects}, required=False)
    assert refused.value.status == 400


def test_missing_objects_cancel_a_subscription_and_fail_a_query() -> None:
    assert check_objects({}, required=False) == {}
    with pytest.raises(ClientError, match="missing"):
        check_objects({}, required=True)


@pytest.mark.parametrize("arguments", [{}, {"script": None}, {"script": 5}, {"script": ["G28"]}])
def test_scripts_that_are_no_text(arguments: dict[str, object]) -> None:
    with pytest.raises(ClientError):
        check_script(arguments)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_of_arguments_at_its_edge() -> None:
    check_arguments({"a": nested(30)})
    with pytest.raises(ClientError, match="nested"):
        check_arguments({"a": nested(31)})


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 1.5, True])
def test_numbers_that_pass(number: float) -> None:
    assert check_arguments({"a": [number]}) == {"a": [number]}


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_numbers_out_of_range(number: int) -> None:
    with pytest.raises(ClientError, match="range"):
        check_arguments({"a": {"b": number}})


def test_names_of_arguments_are_texts() -> None:
    with pytest.raises(ClientError, match="texts"):
        check_arguments({"a": {5: 1}})


def test_a_client_cannot_choose_a_response_template() -> None:
    template = {"method": "process_status_update"}
    assert check_arguments({"name": "x", "response_template": template}) == {"name": "x"}


@pytest.mark.parametrize("filename", ["", "/", "  ", "a\nM112", "a\rb", "a\x00", "\x7f", "a\tb"])
def test_file_names_that_are_refused(filename: str) -> None:
    with pytest.raises(ClientError, match="filename"):
        print_file_script(filename)


def test_one_leading_slash_is_dropped() -> None:
    assert print_file_script("//a b.gcode") == 'SDCARD_PRINT_FILE FILENAME="/a b.gcode"'


@given(st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f"), min_size=1))
def test_klipper_reads_back_the_name(filename: str) -> None:
    name = filename.removeprefix("/")
    if not name.strip():
        return
    script = print_file_script(filename)
    assert "\n" not in script
    # As klippy/gcode.py reads extended parameters.
    lexer = shlex.shlex(script.removeprefix("SDCARD_PRINT_FILE "), posix=True)
    lexer.whitespace_split = True
    lexer.commenters = "#;"
    assert list(lexer) == [f"FILENAME={name}"]
