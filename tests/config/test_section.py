"""Typed reading of a section, and what is known about it afterwards."""

from pathlib import Path

import pytest

from config.config_errors import ConfigError
from config.dialect import parse
from config.reader import ConfigReader
from config.source import ConfigSource, RawSection
from config.template_errors import TemplateFailed
from config.unread import tell_unread
from config.values import Bounds


def reader(text):
    source = ConfigSource(main=Path("/data/config/moonraker.conf"))
    parsed = parse(text, "moonraker.conf")
    assert not parsed.problems
    for part in parsed.parts:
        assert isinstance(part, RawSection)
        source.merge(part)
    return ConfigReader(source)


def unread(book):
    before = len(book.notices)
    tell_unread(book, ["a"])
    return [notice.located for notice in book.notices[before:]]


def test_every_kind_is_read_and_shown():
    book = reader(
        "[a]\ntext: t\nyes: on\ncount: -3\nsize: 1.5\nlist:\n x\n y\nmap:\n k=v\n"
        "word: two\nfile: /x\n"
    )
    section = book.section("a")
    assert section.text("text") == "t"
    assert section.boolean("yes") is True
    assert section.integer("count") == -3
    assert section.number("size") == 1.5
    assert section.items("list") == ["x", "y"]
    assert section.mapping("map") == {"k": "v"}
    assert section.choice("word", ["one", "two"]) == "two"
    assert section.path("file") == Path("/x")
    assert book.values == {
        "a": {
            "text": "t",
            "yes": True,
            "count": -3,
            "size": 1.5,
            "list": ["x", "y"],
            "map": {"k": "v"},
            "word": "two",
            "file": "/x",
        }
    }
    assert unread(book) == []


def test_defaults_are_not_checked_against_bounds():
    book = reader("[a]\n")
    assert book.section("a").integer("x", 0, Bounds(low=5)) == 0
    assert book.section("a").text("y", None) is None
    assert book.values == {"a": {"x": 0, "y": None}}
    assert book.problems == []


def test_bad_value_names_its_place_and_reading_goes_on():
    book = reader("[a]\nx: abc\ny: 0\n")
    section = book.section("a")
    assert section.integer("x", 7) == 7
    assert section.integer("y", 7, Bounds(low=1)) == 7
    assert [str(problem) for problem in book.problems] == [
        'moonraker.conf:2: [a] x: "abc" is not an integer',
        'moonraker.conf:3: [a] y: "0" is out of range (expected at least 1)',
    ]


def test_required_option():
    book = reader("\n[a]\nx: abc\n")
    with pytest.raises(ConfigError) as missing:
        book.section("a").text("type")
    assert str(missing.value) == (
        'moonraker.conf:2: [a] type: this option is required (write for example "type: ...")'
    )
    with pytest.raises(ConfigError) as bad:
        book.section("a").integer("x")
    assert (bad.value.line, bad.value.section, bad.value.option) == (3, "a", "x")


def test_list_with_exact_count():
    section = reader("[a]\nx: 22-6\ny: 1-2-3\n").section("a")
    assert section.items("x", [], separator="-", count=2) == ["22", "6"]
    assert section.items("y", [], separator="-", count=2) == []


def test_unread_options_and_sections():
    book = reader("[a]\nx: 1\ny: 2\n 3\n[b]\nz: 1\n[octoapp]\n")
    book.section("a").integer("x")
    assert unread(book) == [
        "[b]: mrk has no component of this name, so the section has no effect. "
        "If it belongs to an add-on of Moonraker, that cannot be loaded into mrk. "
        "(moonraker.conf:5)",
        "[octoapp] belongs to OctoApp, an add-on that is loaded into Moonraker itself. mrk cannot "
        "load it: what it does is not available. (moonraker.conf:7)",
        "[a]: option 'y' is not known to mrk and has no effect; check its spelling. "
        "(moonraker.conf:3)",
    ]
    assert [failure.component for failure in book.failures] == ["b", "octoapp"]


def test_each_unread_copy_of_a_default_draws_a_warning():
    book = reader("[DEFAULT]\nx: 1\n[a]\n[b]\n[c]\n")
    assert book.section("a").integer("x") == 1
    book.section("b")
    assert [text[:18] for text in unread(book)] == ["[c]: mrk has no co", "[b]: option 'x' is"]


def test_option_in_its_old_home():
    book = reader("[server]\nx: 5\n")
    assert book.section("a", moved_from="server").integer("x", 1) == 5
    assert book.values["server"] == {"x": 5}
    assert book.warnings == ["[server]: option 'x' has moved to section [a]; please write it there"]
    book.section("server")
    assert unread(book) == []


def test_old_home_counts_only_while_the_section_is_absent():
    book = reader("[server]\nx: 5\n[a]\n")
    book.section("server")
    assert book.section("a", moved_from="server").integer("x", 1) == 1
    assert "'x' has moved to section [a], which is written too" in unread(book)[0]


def test_named_sections():
    book = reader("[power]\n[power a]\n[power b c]\n[powerful]\n")
    assert book.named("power") == ["power a", "power b c"]


@pytest.mark.parametrize("text", ["", "  ", "# a"])
def test_an_empty_path_counts_as_not_written(text):
    book = reader(f"[a]\nx: {text}\n")
    section = book.section("a")
    assert section.path("x", Path("/usual")) == Path("/usual")
    assert section.custom("x", "usual", str.upper) == "usual"
    assert book.problems == []
    assert book.unread_options() == []
    with pytest.raises(ConfigError, match="this option is required"):
        section.path("x")


@pytest.mark.parametrize("text", ["a\n b", "\0"])
def test_no_path(text):
    book = reader(f"[a]\nx: {text}\n")
    assert book.section("a").path("x", None) is None
    assert "is not a path" in str(book.problems[0])


def test_home_in_paths():
    assert reader("[a]\nx: ~/y\n").section("a").path("x") == Path.home() / "y"


def test_a_secret_is_rendered_and_not_shown():
    book = reader('[a]\nx: hunter2-and-more\ny: {secrets.password}\nz: a{"b"}c\n')
    section = book.section("a")
    assert section.secret("x").reveal() == "hunter2-and-more"
    assert section.secret("y").reveal() == ""
    assert section.secret("z").reveal() == "abc"
    assert section.secret("absent", None) is None
    assert book.values == {
        "a": {"x": "<hidden>", "y": "{secrets.password}", "z": "<hidden>", "absent": None}
    }


def test_a_template_of_every_use_is_compiled_at_load():
    book = reader("[a]\nx:\n  {% set y = payload|fromjson %}\n  {y.z}\nbad:\n  one\n  {% if %}\n")
    section = book.section("a")
    assert section.event_template("x").render(payload='{"z": 3}') == "3"
    assert section.template("x", context={"payload": '{"z": 3}'}) == "3"
    with pytest.raises(TemplateFailed, match="fromjson: Expecting"):
        section.event_template("x").render(payload="")
    with pytest.raises(ConfigError) as bad:
        section.event_template("bad")
    assert str(bad.value).startswith("moonraker.conf:5: [a] bad: line 3 of the template")
    assert section.event_template("absent", None) is None
