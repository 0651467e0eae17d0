"""The table of differences on purpose: the README has it, and the check obeys it."""

import pytest

from tests.compat.comparison import compare
from tests.compat.differences import README, SEEN, NoSuchPoint, Row, points, read_table, unexplained
from tests.compat.twin import Heard

PAGE = """# x

## Compatibility

But for:

- one
  and more
- two

## Not yet

- three
"""


def test_every_difference_is_a_point_of_the_readme() -> None:
    assert read_table(README.read_text(), SEEN.read_text())


def test_a_point_that_is_not_there() -> None:
    seen = "[[difference]]\npoint = '{}'\nseen = ['a: 1']\n"
    assert points(PAGE) == ["one and more", "two"]
    assert read_table(PAGE, seen.format("one and")) == [Row("one and more", ("a: 1",))]
    with pytest.raises(NoSuchPoint, match=r"0 points .* begin 'three'"):
        read_table(PAGE, seen.format("three"))


def test_what_is_not_in_the_table_fails() -> None:
    rows = [Row("more", ("GET /a result.*: * here, nothing there",)), Row("less", ("b: gone",))]
    found = ["GET /a result.x[].y: string here, nothing there", "GET /a result.z: 1 here, 2 there"]
    assert unexplained(found, rows) == (["GET /a result.z: 1 here, 2 there"], ["b: gone"])


def differences(ours: object, theirs: object, name: str = "GET /a") -> list[str]:
    return list(compare({name: [Heard("200", ours)]}, {name: [Heard("200", theirs)]}))


def test_shapes() -> None:
    assert differences({"a": 1, "b": [{"c": None}]}, {"a": 2.5, "b": [{"c": None}] * 3}) == []
    assert differences({"a": 1}, {"a": "1"}) == ["GET /a a: number here, string there"]
    assert differences({"a": True}, {"a": 1}) == ["GET /a a: boolean here, number there"]
    # What is below something that is not there is not told again.
    assert differences({"a": {"b": {"c": 1}}}, {}) == ["GET /a a: object here, nothing there"]
    assert differences([], [1]) == ["GET /a []: nothing here, number there"]


def test_words_of_the_api_have_to_be_equal() -> None:
    told = ["GET /a state: 'paused' here, 'printing' there"]
    assert differences({"state": "paused"}, {"state": "printing"}) == told
    assert differences({"state": "paused"}, {"state": "printing"}, "notify_a") == []


def test_statuses() -> None:
    ours = {"a": [Heard("200", {}), Heard("404", {})], "b": [Heard("told", [])]}
    theirs = {"a": [Heard("200", {"x": 1})]}
    assert list(compare(ours, theirs)) == [
        "a: 200 and 404 here, 200 there",
        "b: told here, nothing there",
    ]
