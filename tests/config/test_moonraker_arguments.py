"""Moonraker's command lines and environment files are understood."""

from pathlib import Path

import pytest

from config.config_errors import ConfigError
from config.daemon_options import read_plain
from config.moonraker_arguments import options_of, read_options, without_program
from config.paths import Paths

SCRIPT = "/home/pi/moonraker/moonraker/moonraker.py"


@pytest.mark.parametrize(
    "program",
    [["-m", "moonraker"], ["-mmoonraker"], [SCRIPT], ["moonraker.py"], ["~/moonraker/moonraker"]],
    ids=" ".join,
)
def test_the_program_is_left_out(program):
    assert without_program(program) == []
    assert without_program([*program, "-d", "x"]) == ["-d", "x"]
    assert read_plain(without_program([*program, "-d", "x"])) == {"data_path": Path("x")}


@pytest.mark.parametrize(
    "words", [[], ["-d", "x"], ["-m", "other"], ["call", "x"], ["moonraker"], ["-d", SCRIPT]]
)
def test_other_words_stay(words):
    assert without_program(words) == words


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("-d /data -c /conf", {"data_path": Path("/data"), "config_file": Path("/conf")}),
        ("--datapath=/data", {"data_path": Path("/data")}),
        ("-d/data", {"data_path": Path("/data")}),
        ("-d=/data", {"data_path": Path("/data")}),
        ("-nv -g", {"nologfile": True, "verbose": True, "debug": True}),
        ("-nd /data", {"nologfile": True, "data_path": Path("/data")}),
        ("", {}),
    ],
)
def test_options(words, options):
    assert read_options(words.split()) == options


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--fly", "'--fly' is not an option"),
        ("--verbose=1", "'--verbose=1' is not an option"),
        ("-x", "'-x' is not an option"),
        ("-nx", "'-nx' is not an option"),
        ("-", "'-' is not an option"),
        ("more", "'more' is not an option"),
        ("-d", "option -d has no value"),
        ("--datapath=", "option --datapath= has no value"),
    ],
)
def test_mistakes(words, told):
    with pytest.raises(ValueError, match=told):
        read_options(words.split())


def test_the_variable():
    assert options_of({}) == options_of({"MOONRAKER_ARGS": " "}) == {}
    assert options_of({"MOONRAKER_ARGS": "-m moonraker"}) == {}
    assert options_of({"MOONRAKER_ARGS": f"{SCRIPT} -d '/a b'"}) == {"data_path": Path("/a b")}
    for wrong in ("-m moonraker --fly", "-d '/a", "-m other"):
        with pytest.raises(ConfigError, match="MOONRAKER_ARGS"):
            options_of({"MOONRAKER_ARGS": wrong})


def test_who_wins():
    environ = {
        "HOME": "/home/pi",
        "MOONRAKER_ARGS": f"{SCRIPT} -d ~/two -v",
        "MOONRAKER_DATA_PATH": "/three",
        "MOONRAKER_CONFIG_PATH": "/four/moonraker.conf",
    }
    paths = Paths.resolve(environ=environ)
    assert paths.data == Path("/home/pi/two")
    assert paths.verbose
    assert paths.config_file == Path("/four/moonraker.conf")
    assert Paths.resolve(environ=environ, data_path="/one", verbose=False).data == Path("/one")
    assert not Paths.resolve(environ=environ, verbose=False).verbose
