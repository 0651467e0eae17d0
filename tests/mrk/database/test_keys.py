import pytest

from mrk.database.keys import MOST_NAMES, parse_key, shown
from mrk.errors import ClientError


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("a", ("a",)),
        ("a.b c.d", ("a", "b c", "d")),
        (["a.b", "c"], ("a.b", "c")),
        (".".join("x" * MOST_NAMES), tuple("x" * MOST_NAMES)),
        (["x"] * MOST_NAMES, tuple("x" * MOST_NAMES)),
    ],
)
def test_keys(key: object, names: tuple[str, ...]) -> None:
    assert parse_key(key) == names
    assert shown(names) == ".".join(names)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "is empty or no text"),
        ("a..b", "is empty or no text"),
        ("a.", "is empty or no text"),
        ([], "is empty"),
        (["a", 1], "is empty or no text"),
        (["a", ""], "is empty or no text"),
        (None, "text or a list of names expected"),
        ({"a": 1}, "text or a list of names expected"),
        ("a.\ud800", "is not valid Unicode"),
        (".".join("x" * (MOST_NAMES + 1)), "65 names given, at most 64"),
        (["x"] * (MOST_NAMES + 1), "65 names given, at most 64"),
    ],
)
def test_what_is_no_key(key: object, reason: str) -> None:
    with pytest.raises(ClientError, match=reason) as refused:
        parse_key(key)
    assert refused.value.status == 400
