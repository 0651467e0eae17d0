"""Keys and nested values, for any path and any JSON value."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.database import records
from mrk.database.keys import parse_key
from mrk.database.namespaces import ReservedNamespaces
from mrk.errors import ClientError

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
paths = st.lists(names, min_size=1, max_size=4).map(tuple)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@given(st.lists(names, min_size=1).map(tuple))
def test_lists_name_any_path(path: tuple[str, ...]) -> None:
    assert parse_key(list(path)) == path


@given(st.lists(names.filter(lambda name: "." not in name), min_size=1))
def test_dots_separate(path: list[str]) -> None:
    assert parse_key(".".join(path)) == tuple(path)


@given(values, paths, values)
def test_what_is_put_is_got_and_nothing_else_changes(record: Any, path: Any, value: Any) -> None:
    before = copy.deepcopy(record)
    try:
        changed = records.put(record, path, value)
    except ClientError:
        assert isinstance(record, dict)
    else:
        assert records.get(changed, path) == value
        if isinstance(record, dict):
            assert {k: v for k, v in changed.items() if k != path[0]} == {
                k: v for k, v in record.items() if k != path[0]
            }
    assert record == before


@given(values, paths, values)
def test_what_is_deleted_is_gone(record: Any, path: Any, value: Any) -> None:
    try:
        stored = records.put(record, path, value)
    except ClientError:
        return
    kept = copy.deepcopy(stored)
    left, removed = records.delete(stored, path)
    assert removed == value
    assert stored == kept
    with pytest.raises(KeyError):
        records.get(left, path)
    with pytest.raises(KeyError):
        records.delete(left, path)


def test_list_elements_have_no_key() -> None:
    for change in (records.get, records.delete):
        with pytest.raises(KeyError):
            change({"a": [1]}, ("a", "0"))


def test_names_that_sql_cannot_say() -> None:
    assert records.sql_path(("a b", "ü.x")) == '$."a b"."ü.x"'
    for name in ('"', "\\", "\n", "\x1f"):
        assert records.sql_path(("a", name)) is None


def test_remembered_namespaces_must_be_lists_of_text() -> None:
    reserved = ReservedNamespaces()
    reserved.remember(["p", 3, None], "text")
    assert "p" in reserved.protected
    assert reserved.forbidden == {"database", "simplyprint"}
