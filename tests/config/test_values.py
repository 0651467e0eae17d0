"""Text to value, at the edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import values
from config.values import Bounds, is_host, topic


@pytest.mark.parametrize("text", ["1", "yes", "TRUE", "On"])
def test_true(text):
    assert values.boolean(text) is True


@pytest.mark.parametrize("text", ["0", "No", "false", "OFF"])
def test_false(text):
    assert values.boolean(text) is False


@pytest.mark.parametrize("text", ["", "2", "y", "enabled", "true false"])
def test_no_boolean(text):
    with pytest.raises(ValueError, match="is not a boolean"):
        values.boolean(text)


@given(st.integers())
def test_integers(value):
    assert values.integer(f" {value} ") == value
    assert values.integer(f"{value:+d}") == value


@pytest.mark.parametrize("text", ["", "1.5", "1e3", "0x10", "1_000", "٣", "1 2", "9" * 5000])
def test_no_integer(text):
    with pytest.raises(ValueError, match="is not an integer"):
        values.integer(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("-1.5", -1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("+2.5E-1", 0.25)],
)
def test_numbers(text, value):
    assert values.number(text) == value


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e999", "1,5", "e5", "."])
def test_no_number(text):
    with pytest.raises(ValueError, match="is not a number"):
        values.number(text)


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "said"),
    [
        (Bounds(low=1, high=9), ["1", "9"], ["0", "10"], "1 to 9"),
        (Bounds(low=1), ["1"], ["0"], "at least 1"),
        (Bounds(high=9), ["9"], ["10"], "at most 9"),
        (Bounds(above=0), ["1"], ["0"], "more than 0"),
        (Bounds(above=0, below=3), ["1", "2"], ["0", "3"], "more than 0 and less than 3"),
    ],
)
def test_bounds(bounds, good, bad, said):
    for text in good:
        assert values.integer(text, bounds) == values.number(text, bounds) == int(text)
    for text in bad:
        with pytest.raises(ValueError, match=f'"{text}" is out of range \\(expected {said}\\)'):
            values.integer(text, bounds)
        with pytest.raises(ValueError, match=f"expected {said}"):
            values.number(text, bounds)


def test_no_integer_tells_the_bounds():
    with pytest.raises(ValueError, match=r'^"abc" is not an integer \(expected 1 to 65535\)$'):
        values.integer("abc", Bounds(low=1, high=65535))


@pytest.mark.parametrize(
    ("text", "separator", "items"),
    [
        ("\n a \n\n b c\n", "\n", ["a", "b c"]),
        ("one", "\n", ["one"]),
        ("", "\n", []),
        ("a, b,,c ", ",", ["a", "b", "c"]),
        ("a  b\nc", None, ["a", "b", "c"]),
        ("22-6", "-", ["22", "6"]),
    ],
)
def test_lists(text, separator, items):
    assert values.split_items(text, separator) == items


def test_dicts():
    assert values.split_mapping(["a = 1", "b=c=d", "e="]) == {"a": "1", "b": "c=d", "e": ""}
    assert values.split_mapping(["a", "b=1"], bare_keys=True) == {"a": None, "b": "1"}
    with pytest.raises(ValueError, match='"a" lacks "="'):
        values.split_mapping(["a"])


def test_choices():
    assert values.choice("one", ["one", "two"]) == "one"
    assert values.choice("ONE", ["one", "two"], ignore_case=True) == "one"
    with pytest.raises(ValueError, match="expected one of one, two"):
        values.choice("ONE", ["one", "two"])


@pytest.mark.parametrize("text", ["printer.local", "pi", "192.168.1.5", "::1", "fe80::1%eth0"])
def test_hosts(text):
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    ["", "a b", '"0.0.0.0"', "http://pi", "pi:7125", "192.168.1.5:80", "[::1]", "u@h"],
)
def test_what_is_no_host(text):
    assert not is_host(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("plug.local", "plug.local"),
        ("192.168.1.3", "192.168.1.3"),
        ("fe80::1", "[fe80::1]"),
        ("[fe80::1%eth0]", "[fe80::1%eth0]"),
        ("[::1", None),
        ("plug:80", None),
        ("http://plug", None),
        ('"plug"', None),
        ("a b", None),
        ("", None),
    ],
)
def test_hosts_of_urls(text, host):
    assert values.url_host(text) == host


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a topic"),
        ("a\0b", "not a topic"),
        ("a\nb", "not a topic"),
        ("ü" * 32767 + "xy", "not a topic"),
        ("a/+", "wildcard"),
        ("a/#", "wildcard"),
    ],
)
def test_what_is_no_topic(text, reason):
    with pytest.raises(ValueError, match=reason):
        topic(text)


def test_topics():
    longest = "ü" * 32767 + "x"
    assert topic(longest) == longest
    assert topic("shelly/power 1") == "shelly/power 1"
