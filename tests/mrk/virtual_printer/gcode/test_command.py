"""One line of g-code: what is a command, what are its parameters, what is refused and how."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.virtual_printer.gcode.command import parse_line
from mrk.virtual_printer.gcode.command_errors import CommandError


@pytest.mark.parametrize(
    ("line", "command", "params"),
    [
        ("G1 X1.5 Y-2 F3000 ; way", "G1", {"X": "1.5", "Y": "-2", "F": "3000"}),
        ("g1x10y20", "G1", {"X": "10", "Y": "20"}),
        ("N12 G28 X*33", "G28", {"X": "", "*": "33"}),
        ("G28", "G28", {}),
        ("SET_PIN pin=relay VALUE=1", "SET_PIN", {"PIN": "relay", "VALUE": "1"}),
        ('SDCARD_PRINT_FILE FILENAME="a b;c#.gcode" ; x', "SDCARD_PRINT_FILE",
         {"FILENAME": "a b;c#.gcode"}),
        ("M117 printing X1", "M117", {}),
    ],
)  # fmt: skip
def test_commands_and_params(line, command, params):
    found = parse_line(line)
    assert (found.command, found.params) == (command, params)


@pytest.mark.parametrize("line", ["", "   ", "; only a comment", "\t;"])
def test_lines_without_a_command(line):
    assert parse_line(line) is None


def test_text_commands_keep_their_text():
    assert parse_line("M117 Layer 3/10; X=1").rest == "Layer 3/10; X=1"


@pytest.mark.parametrize("line", ['RESPOND MSG="open', "SET_PIN PIN", "RESPOND MSG=it's"])
def test_malformed(line):
    with pytest.raises(CommandError, match="Malformed command"):
        parse_line(line)


@pytest.mark.parametrize(
    ("text", "bounds", "message"),
    [
        ("nan", {}, "unable to parse nan"),
        ("inf", {}, "unable to parse inf"),
        ("1e9", {}, "unable to parse 1e9"),
        ("x", {}, "unable to parse x"),
        ("-1", {"minimum": 0.0}, "S must have minimum of 0.0"),
        ("2", {"maximum": 1.0}, "S must have maximum of 1.0"),
        ("0", {"above": 0.0}, "S must be above 0.0"),
    ],
)
def test_numbers_out_of_bounds(text, bounds, message):
    command = parse_line(f"SET S={text}")
    with pytest.raises(CommandError) as caught:
        command.get_float("S", **bounds)
    assert str(caught.value) == f"Error on 'SET S={text}': {message}"


def test_numbers_at_their_bounds():
    command = parse_line("SET S=1 T=0 U=999999999")
    assert command.get_float("S", maximum=1.0, minimum=1.0) == 1.0
    assert command.get_float("T", minimum=0.0) == 0.0
    assert command.get_float("U") == 999999999.0
    assert command.get_float("ABSENT", 3.0) == 3.0
    with pytest.raises(CommandError, match="missing ABSENT"):
        command.get_float("ABSENT")


@given(st.text(max_size=60))
def test_any_text_is_a_command_or_refused(line):
    try:
        found = parse_line(line)
    except CommandError:
        return
    assert found is None or found.command == found.command.upper()


@given(st.lists(st.sampled_from(list("GMXYZEF01239.- =\"';#N*_ABS \n")), max_size=40))
def test_g_code_like_noise_never_breaks_the_printer(letters):
    with contextlib.suppress(CommandError):
        parse_line("".join(letters))
