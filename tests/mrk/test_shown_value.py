"""Values of clients in errors."""

import pytest

from mrk.shown_value import MOST_CHARS, shown_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-1.5, "-1.5"),
        ("text", "'text'"),
        ([None, True, {"a": None}], "[null, true, {'a': null}]"),
        (2**180 - 1, str(2**180 - 1)),  # as many as are written
    ],
)
def test_json_s_words(value: object, shown: str) -> None:
    assert shown_value(value) == shown


@pytest.mark.parametrize(
    "value", ["x" * 1000, [["y" * 30] * 100] * 100, {str(n): n for n in range(1000)}]
)
def test_no_more_than_the_beginning(value: object) -> None:
    shown = shown_value(value)
    assert len(shown) <= MOST_CHARS + len("...")
    assert shown.endswith("...")


@pytest.mark.parametrize("digits", [60, 5000])
def test_python_does_not_write_all_integers(digits: int) -> None:
    shown = shown_value([10**digits])
    assert shown == "[an integer of many digits]"
