"""mrk.toml: the same sections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.reader import ConfigReader
from config.toml import key_lines, read_toml


@pytest.fixture
def toml(tmp_path):
    def read(text):
        path = tmp_path / "mrk.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_toml(path)

    return read


def said(source):
    return [str(problem) for problem in source.problems]


def test_sections_and_values(toml):
    source = toml(
        "[server]\nhost = 'all'\nport = 7125\nx = 1.5\nOn = true\noff = false\n"
        "[webcam.bed]\nicon = 'a'\n['webcam nozzle']\n[authorization]\n"
        "trusted_clients = [\n  '10.0.0.0/8',\n  '::1',\n]\n[history]\n[power.'a b']\n"
        "tags = {desc = 'x', n = 1}\n"
    )
    assert source.problems == []
    assert source.orig() == {
        "DEFAULT": {},
        "server": {"host": "all", "port": "7125", "x": "1.5", "on": "true", "off": "false"},
        "webcam bed": {"icon": "a"},
        "webcam nozzle": {},
        "authorization": {"trusted_clients": "\n10.0.0.0/8\n::1"},
        "history": {},
        "power a b": {"tags": "\ndesc=x\nn=1"},
    }
    assert source.listing() == [{"filename": "mrk.toml", "sections": list(source.orig())[1:]}]


def test_lists_need_no_separator(toml):
    section = ConfigReader(toml("[a]\nevents = ['x,y', ' z ']\nwindow = [22, 6]\n")).section("a")
    assert section.items("events", separator=",") == ["x,y", "z"]
    assert section.items("window", separator="-", count=2) == ["22", "6"]


def test_lines(toml):
    source = toml('[a]\n\nx = """\n[b]\ny = 1\n"""\nz.w = 1\n[c."d e"]\n# c\n\'k\' = 2\n')
    options = source.options("a")
    assert options["x"].line == 3
    assert source.options("c d e")["k"].line == 10
    assert source.sections["c d e"].line == 8


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\n", "mrk.toml:1: x: stands before any table; put a [section] header first"),
        ("[a]\nX = 1\nx = 2\n", "mrk.toml:3: [a] x: this option stands twice in one section"),
        ("[a.b]\n['a b']\n", "mrk.toml:2: [a b] this section stands twice in one file"),
        ("[a]\n\nx = [[1]]\n", "mrk.toml:3: [a] x: a value of type list is not understood here"),
        ("[a]\nx = 2020-01-01\n", "a value of type date is not understood here"),
        ('[a]\nx = ["1\\n2"]\n', "mrk.toml:2: [a] x: list item"),
        ("[a]\nx = \n", "mrk.toml:2: Invalid value"),
        ("[a]\n[a]\n", "mrk.toml:2: "),
        ("[include]\n", "mrk.toml has no includes"),
        ("\ufeff[a]\n", "mrk.toml:1: a byte-order mark"),
        (b"[a]\n\xff", "mrk.toml:2: this is not UTF-8"),
    ],
)
def test_mistakes(toml, text, reason):
    source = toml(text)
    assert len(source.problems) == 1
    assert reason in said(source)[0]


def test_deep_nesting_is_a_mistake(toml):
    assert said(toml("[a]\nx = " + "[" * 100_000))


@given(st.one_of(st.text(), st.text(alphabet="ab=[].'\"#\n 1,{}")))
def test_any_text_is_scanned_for_lines(text):
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@given(st.one_of(st.text(), st.text(alphabet="ab=[].'\"#\n 1,{}")))
def test_any_text_is_read(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("toml") / "mrk.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    read_toml(path)
