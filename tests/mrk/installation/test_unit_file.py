"""Units and environment files as distributions and installers write them."""

import pytest

from mrk.errors import MrkError
from mrk.installation.unit_file import (
    parse_environment,
    parse_environment_file,
    parse_unit,
    program_end,
    start_words,
    with_specifiers,
)


def test_sections_comments_and_continued_lines():
    unit = parse_unit(["; note\n[Service]\n# note\nExecStart = /a \\\n  -b\n\nUser=pi\nUser=me\n"])
    assert unit.last("Service", "ExecStart") == "/a  -b"
    assert unit.all("Service", "User") == ["pi", "me"]
    assert unit.last("Unit", "User") == ""


def test_a_drop_in_holds_and_an_empty_value_forgets():
    unit = parse_unit(["[Service]\nExecStart=/a\n", "[Service]\nExecStart=\nExecStart=/b\n"])
    assert unit.all("Service", "ExecStart") == ["/b"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('A="x y"', "x y"),
        ("A='x'", "x"),
        ("A=x y", "x y"),
        ("A=", ""),
        ('A="-m moonraker"', "-m moonraker"),
    ],
)
def test_environment_file(line, value):
    assert parse_environment_file(f"# note\n{line}\n; note\nno variable\n") == {"A": value}


def test_environment():
    assert parse_environment(['"A=x y" B=1', "C=2 D"]) == {"A": "x y", "B": "1", "C": "2"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/env/bin/python $ARGS", ["/env/bin/python", "-m", "moonraker"]),
        ("-/env/bin/python -u $ARGS -v", ["/env/bin/python", "-u", "-m", "moonraker", "-v"]),
        ("/x ${HOME}/data", ["/x", "/home/pi/data"]),
        ("/x '$ARGS no' $$HOME", ["/x", "$ARGS no", "$HOME"]),
        ("/x $NONE end", ["/x", "end"]),
    ],
)
def test_words_of_exec_start(line, words):
    unit = parse_unit([f"[Service]\nExecStart={line}\n"])
    environ = {"ARGS": "-m moonraker", "HOME": "/home/pi"}
    assert start_words(unit, environ) == words


def test_a_line_that_cannot_be_split():
    with pytest.raises(MrkError, match="of the unit cannot be read"):
        start_words(parse_unit(["[Service]\nExecStart=/x 'a\n"]), {})


def test_specifiers():
    assert with_specifiers("%h/x%%", {"h": "/home/pi"}) == "/home/pi/x%"
    with pytest.raises(MrkError, match="%q is not understood; expected one of %h"):
        with_specifiers("%q", {"h": "/home/pi"})


@pytest.mark.parametrize(
    ("command", "end"),
    [
        ("/env/bin/python -m moonraker -d x", 3),
        ("/env/bin/python /home/pi/moonraker/moonraker/moonraker.py -d x", 2),
        ("/home/pi/moonraker-env/bin/moonraker -d x", 1),
        ("/env/bin/python /home/pi/moonraker/moonraker -d x", 2),
    ],
)
def test_moonraker_itself(command, end):
    assert program_end(command.split()) == end


@pytest.mark.parametrize(
    "command",
    [
        "/home/pi/telegram-env/bin/python /home/pi/moonraker-telegram-bot/bot/main.py",
        "/home/pi/moonraker-obico-env/bin/python3 -m moonraker_obico.app -c x",
        "/home/pi/mrk-env/bin/mrk -d /home/pi/printer_data",
        "/usr/bin/python /home/pi/moonraker-timelapse/x.py",
        "",
    ],
)
def test_its_companions(command):
    assert not program_end(command.split())
