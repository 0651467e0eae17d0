"""What a service gives the daemon is read without the command line's library."""

from pathlib import Path

import pytest

from config.daemon_options import DAEMON_OPTIONS, read_plain


def test_a_service_file():
    words = ["-d", "/home/pi/printer_data", "--logfile", "/tmp/a b.log", "-n", "--debug"]
    assert read_plain(words) == {
        "data_path": Path("/home/pi/printer_data"),
        "log_file": Path("/tmp/a b.log"),
        "nologfile": True,
        "debug": True,
    }
    assert read_plain([]) == {}


@pytest.mark.parametrize("option", DAEMON_OPTIONS, ids=lambda option: option.name)
def test_short_and_long_are_the_same(option):
    value = [] if option.is_flag else ["x"]
    short = read_plain([option.short, *value])
    assert short == read_plain([option.long, *value])
    assert short == {option.name: True if option.is_flag else Path("x")}


@pytest.mark.parametrize(
    "words",
    [["api"], ["-d", "x", "call"], ["-d"], ["-d", "-n"], ["-dx"], ["--datapath=x"], ["-nv"],
     ["--help"], ["--version"], ["--"], [""]],
    ids=" ".join,
)  # fmt: skip
def test_everything_else_is_left_to_the_command_line(words):
    assert read_plain(words) is None
