"""Rows of namespaces on a real connection: small records in Python, large ones in SQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrk.database.schema import BASE
from mrk.errors import ClientError
from nurseries.database import store

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)
plain = st.sampled_from(["a", "b", "c.d", "é", "$", "'", '"', "\\", "0", "\n"])
paths = st.lists(plain | names, min_size=1, max_size=3).map(tuple)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
) | st.text(st.characters(codec="utf-8"))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain | names, inner, max_size=3),
)


@contextmanager
def opened() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for step in BASE:
        for statement in step.statements:
            connection.execute(statement)
    yield connection
    connection.close()


@given(names, st.dictionaries(names, values, min_size=1, max_size=5))
def test_a_namespace_comes_back_whole(namespace: str, items: dict[str, Any]) -> None:
    with opened() as connection:
        for key, value in items.items():
            store.write(connection, namespace, (key,), store.encode_value(value))
        assert msgspec.json.decode(store.read_all(connection, namespace)) == items
        assert store.decoded_items(connection, namespace) == items
        assert store.namespaces(connection) == [namespace]
        for key, value in items.items():
            assert msgspec.json.decode(store.read(connection, namespace, (key,))) == value
            assert msgspec.json.decode(store.delete(connection, namespace, (key,))) == value
        assert store.namespaces(connection) == []


def perform(connection: sqlite3.Connection, verb: str, path: Any, value: Any) -> Any:
    """The outcome of one request, an error as its status; the padding does not show."""
    path = ("record", *path)
    try:
        if verb == "put":
            return store.write(connection, "n", path, store.encode_value(value))
        function = store.read if verb == "get" else store.delete
        return msgspec.json.decode(function(connection, "n", path))
    except ClientError as exc:
        return exc.status


verbs = st.sampled_from(["get", "put", "put", "delete"])


@given(st.lists(st.tuples(verbs, paths, values), max_size=8))
@settings(max_examples=60, deadline=None)
def test_large_records_behave_as_small_ones(steps: list[tuple[str, Any, Any]]) -> None:
    padding = "x" * store.LARGE_RECORD_BYTES
    with opened() as small, opened() as large:
        for connection, pad in ((small, ""), (large, padding)):
            store.write(connection, "n", ("record", "pad"), store.encode_value(pad))
        for verb, path, value in steps:
            if path[0] != "pad":
                assert perform(small, verb, path, value) == perform(large, verb, path, value)
        kept = msgspec.json.decode(store.read(large, "n", ("record",)))
        assert kept.pop("pad") == padding
        assert {**kept, "pad": ""} == msgspec.json.decode(store.read(small, "n", ("record",)))


def test_a_large_scalar_gives_way_and_a_large_record_can_be_emptied() -> None:
    with opened() as connection:
        text = store.encode_value("x" * (store.LARGE_RECORD_BYTES + 1))
        store.write(connection, "n", ("k",), text)
        store.write(connection, "n", ("k", "a", "b"), b"1")
        assert store.read(connection, "n", ("k",)) == b'{"a":{"b":1}}'
        store.write(connection, "n", ("k",), b'{"a":' + text + b"}")
        assert store.delete(connection, "n", ("k", "a")) == text
        assert store.namespaces(connection) == []


@pytest.mark.parametrize("size", [store.LARGE_RECORD_BYTES - 6, store.LARGE_RECORD_BYTES])
def test_the_edge_between_small_and_large(size: int) -> None:
    with opened() as connection:
        store.write(connection, "n", ("k", "a"), b'"' + b"x" * (size - 2) + b'"')
        store.write(connection, "n", ("k", "b", "c"), b"2")
        assert store.read(connection, "n", ("k", "b")) == b'{"c":2}'
