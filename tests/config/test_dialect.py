"""The text dialect, rule by rule, and any text at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dialect import Include, parse
from config.source import ConfigSource, RawSection


def sections(text):
    """{section: {option: value}} of a text without mistakes."""
    parsed = parse(text, "test.conf")
    assert parsed.problems == []
    return {
        part.name: {option.name: option.value for option in part.options.values()}
        for part in parsed.parts
        if isinstance(part, RawSection)
    }


def problems(text):
    return [str(problem) for problem in parse(text, "test.conf").problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nx: 1", {"a": {"x": "1"}}),
        ("[a]\nx = 1", {"a": {"x": "1"}}),
        ("[a]\nx=1:2", {"a": {"x": "1:2"}}),
        ("[a]\nx:1=2", {"a": {"x": "1=2"}}),
        ("[a]\r\nx: 1\r\ny: 2\r\n", {"a": {"x": "1", "y": "2"}}),
        ("   [a] trailing words\nx: 1", {"a": {"x": "1"}}),
        ("[a] # comment\nx: 1", {"a": {"x": "1"}}),
        ("[a b  c]", {"a b  c": {}}),
        ("[A]\n[a]", {"A": {}, "a": {}}),
        ("[a]\nPorT: 1", {"a": {"port": "1"}}),
        ("[a]\nx:", {"a": {"x": ""}}),
        ("[a]\nx: \ny: 1", {"a": {"x": "", "y": "1"}}),
        ("[a]\n# x: 1\n  ; y: 2\n", {"a": {}}),
        ("[a]\nx: 1 # one\ny: 2\t; two\n", {"a": {"x": "1", "y": "2"}}),
        ("[a]\nx: http://h/#a\ny: a;b", {"a": {"x": "http://h/#a", "y": "a;b"}}),
        ("[a]\nx: a \\# b \\; c # d", {"a": {"x": "a # b ; c"}}),
        ("[a]\nx: \\#fff", {"a": {"x": "#fff"}}),
        ("[a]\nx:#fff", {"a": {"x": "#fff"}}),
        ("[a]\nx: x\\#", {"a": {"x": "x\\#"}}),
        ('[a]\nx: "a ; b"', {"a": {"x": '"a'}}),
        ("[a]\nx: 50%(y)s %", {"a": {"x": "50%(y)s %"}}),
        ("[a]\nx: 1\n  2\n    3\n  4", {"a": {"x": "1\n2\n3\n4"}}),
        ("[a]\nx:\n  1\n\n  2\n", {"a": {"x": "\n1\n2"}}),
        ("[a]\nx:\n  1\n# no\n  # no\n  2 # no", {"a": {"x": "\n1\n2"}}),
        ("[a]\nx:\n  1\n  \\# lost\n  2", {"a": {"x": "\n1\n2"}}),
        ("[a]\nx: 1\n  [b]\n  y: 2", {"a": {"x": "1\n[b]\ny: 2"}}),
        ("[a]\n  x: 1\n  y: 2\nz: 3", {"a": {"x": "1", "y": "2", "z": "3"}}),
        ("[a]\n  x: 1\n[b]\n  y: 2", {"a": {"x": "1"}, "b": {"y": "2"}}),
        ("[a]\n\tx: 1\n    y: 2", {"a": {"x": "1", "y": "2"}}),
        ("[a]\nx: 1\n\t2\tb", {"a": {"x": "1\n2   b"}}),
        ("[a]\nx: {# hidden #} shown", {"a": {"x": "{# hidden"}}),
        ("", {}),
        ("# only a comment", {}),
    ],
)
def test_rules(text, expected):
    assert sections(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nname", 'test.conf:2: [a] "name" is not an option: it lacks ":" or "="'),
        (
            "[a]\nlist:\n\n10.0.0.1",
            'test.conf:4: [a] "10.0.0.1" is not an option: it lacks ":" or "="; '
            "if it belongs to list, indent it",
        ),
        (
            "[a]\nlist:\n::1",
            'test.conf:3: [a] "::1" has no name; if it belongs to list, indent it',
        ),
        ("[a]\nx: 1\nname", 'test.conf:3: [a] "name" is not an option: it lacks ":" or "="'),
        (
            "[a]\nx: 1\n[power a: b #1]\nx: 2\ny",
            'test.conf:3: "[power a: b" is a section line that lacks "]"; what follows a blank'
            ' and "#" or ";" is a comment, also in a name',
        ),
        ("[a\nx: 1", 'test.conf:1: "[a" is a section line that lacks "]"'),
        ("[a]\n: 1", 'test.conf:2: [a] ": 1" has no name'),
        ("x: 1", 'test.conf:1: "x: 1" stands before any section; put a [section] header first'),
        (
            "[a]\n[b]\n[a]",
            "test.conf:3: [a] this section stands twice in one file, first in line 1; join them",
        ),
        (
            "[a]\nx: 1\nX = 2",
            "test.conf:3: [a] x: this option stands twice in one section, first in line 2; "
            "keep one",
        ),
        ("[ ]", "test.conf:1: a section needs a name"),
    ],
)
def test_mistakes(text, said):
    assert problems(text) == [said]


def test_option_directly_after_an_include():
    parsed = parse("[a]\nx: 1\n[include b.conf]\ny: 2\nz: 3", "test.conf")
    assert parsed.parts[1] == Include("b.conf", 3)
    assert [str(problem) for problem in parsed.problems] == [
        'test.conf:4: "y: 2" stands directly after an include; put a [section] header first'
    ]


def test_all_mistakes_are_found_in_one_run():
    assert len(problems("x: 1\n[a]\nbare\n  deeper\n: 2\n[a]")) == 4


def test_include_pattern_may_hold_brackets():
    assert parse("[include  conf.d/[ab]?.conf] # c", "t").parts == [Include("conf.d/[ab]?.conf", 1)]


def test_options_remember_file_and_line():
    part = parse("# c\n[a]\n\nx: 1\n  2\ny: 3", "sub/t.conf").parts[0]
    assert isinstance(part, RawSection)
    assert (part.file, part.line) == ("sub/t.conf", 2)
    assert [(option.file, option.line) for option in part.options.values()] == [
        ("sub/t.conf", 4),
        ("sub/t.conf", 6),
    ]


def merged(text):
    source = ConfigSource()
    parsed = parse(text, "t")
    for part in parsed.parts:
        if isinstance(part, RawSection):
            source.merge(part)
    return source, parsed.problems


def flat(source):
    return {
        name: {option.name: option.value for option in section.options.values()}
        for name, section in source.sections.items()
    }


CHARS = "ab[]:=#;\\ \t\n\x0c\r%{}"


@given(st.one_of(st.text(), st.text(alphabet=CHARS), st.text(alphabet=CHARS).map("[s]\n".__add__)))
def test_any_text_is_parsed_and_what_was_understood_survives_writing(text):
    source, _ = merged(text)
    again, mistakes = merged(source.backup_text())
    assert mistakes == []
    assert flat(again) == flat(source)


WORD = st.text(alphabet="abcXYZ059_.-/{}%é", min_size=1, max_size=8)
LINE = st.lists(WORD | st.sampled_from(["#", ";", "#a", "=", ":"]), min_size=1, max_size=4).map(
    " ".join
)
VALUE = st.builds(
    lambda first, rest: "\n".join([first, *rest]),
    LINE | st.just(""),
    st.lists(LINE.filter(lambda line: line[0] not in "#;"), max_size=3),
)
NAME = st.text(alphabet="abc_09", min_size=1, max_size=6)


@given(st.dictionaries(NAME, st.dictionaries(NAME, VALUE, max_size=4), max_size=4))
def test_generated_sections_survive_writing_and_reading(wanted):
    text = ""
    for name, options in wanted.items():
        text += f"[{name}]\n"
        for option, value in options.items():
            lines = [
                " ".join(
                    f"\\{word}" if word[:1] in ("#", ";") else word for word in line.split(" ")
                )
                for line in value.split("\n")
            ]
            text += f"{option}: " + "\n   ".join(lines) + "\n"
    assert sections(text) == wanted
    source, _ = merged(text)
    assert sections(source.backup_text()) == wanted
