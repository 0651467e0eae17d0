from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.api.arguments import ArgumentReader, hinted_arguments, objects_query
from mrk.errors import ClientError


class Everything(msgspec.Struct, frozen=True):
    flag: bool = False
    count: int | None = None
    ratio: float = 0.0
    name: str = ""
    names: list[str] = []
    numbers: list[int] = []
    extra: dict[str, Any] = {}
    kind: Literal["a", "b"] = "a"
    anything: Any = None


class Needed(msgspec.Struct, frozen=True):
    name: str


READER = ArgumentReader(Everything)


@pytest.mark.parametrize(
    ("given_", "field", "read"),
    [
        ({"flag": True}, "flag", True),
        ({"flag": "TRUE"}, "flag", True),
        ({"flag": "false"}, "flag", False),
        ({"count": 3}, "count", 3),
        ({"count": "3"}, "count", 3),
        ({"count": " 3 "}, "count", 3),
        ({"count": 3.9}, "count", 3),
        ({}, "count", None),
        ({"ratio": "1.5"}, "ratio", 1.5),
        ({"ratio": 2}, "ratio", 2.0),
        ({"name": 5}, "name", "5"),
        ({"name": [1]}, "name", "[1]"),
        ({"names": "a, b,,c"}, "names", ["a", "b", "c"]),
        ({"names": ["a", 1]}, "names", ["a", "1"]),
        ({"numbers": "1,2"}, "numbers", [1, 2]),
        ({"extra": {"a": None}}, "extra", {"a": None}),
        ({"kind": "b"}, "kind", "b"),
        ({"anything": None}, "anything", None),
        ({"unknown": 1}, "flag", False),
    ],
)
def test_conversions(given_: dict[str, object], field: str, read: object) -> None:
    assert getattr(READER.read(given_), field) == read


@pytest.mark.parametrize(
    "given_",
    [
        {"flag": 1},
        {"flag": "1"},
        {"flag": None},
        {"count": None},
        {"count": "x"},
        {"count": "1.5"},
        {"count": float("inf")},
        {"ratio": "x"},
        {"ratio": True},
        {"ratio": None},
        {"name": None},
        {"names": 5},
        {"names": {"a": 1}},
        {"numbers": "1,x"},
        {"extra": []},
        {"kind": "c"},
    ],
)
def test_refusals_name_argument_and_status(given_: dict[str, object]) -> None:
    (name,) = given_
    with pytest.raises(ClientError, match=f"Argument '{name}") as caught:
        READER.read(given_)
    assert caught.value.status == 400


def test_missing_required_argument() -> None:
    with pytest.raises(ClientError, match="Argument 'name' is missing"):
        ArgumentReader(Needed).read({})


def test_a_huge_value_is_not_echoed_whole() -> None:
    with pytest.raises(ClientError) as caught:
        READER.read({"count": "x" * 100_000})
    assert len(caught.value.message) < 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(Everything.__struct_fields__), json_values))
def test_any_json_reads_or_is_refused(given_: dict[str, object]) -> None:
    try:
        read = READER.read(given_)
    except ClientError:
        return
    assert isinstance(read, Everything)


@pytest.mark.parametrize(
    ("pairs", "arguments"),
    [
        ([("a", " x ")], {"a": "x"}),
        ([("a", "1"), ("a", "2")], {"a": "2"}),
        ([("a:int", "7")], {"a": 7}),
        ([("a:int", "x")], {"a": "x"}),
        ([("a:bool", "True")], {"a": True}),
        ([("a:bool", "1")], {"a": False}),
        ([("a:float", "1.5")], {"a": 1.5}),
        ([("a:json", "[1]")], {"a": [1]}),
        ([("a:json", "[")], {"a": "["}),
        ([("a:what", "1")], {"a": "1"}),
        ([("psu", "")], {"psu": ""}),
        ([("_", "1"), ("token", "t"), ("access_token", "t"), ("connection_id", "3")], {}),
        ([("a:json", "[" * 100_000)], {"a": "[" * 100_000}),
    ],
)
def test_type_hints(pairs: list[tuple[str, str]], arguments: dict[str, object]) -> None:
    assert hinted_arguments(pairs) == arguments


def test_objects_query() -> None:
    pairs = [("gcode_move", ""), ("extruder", "target, temperature"), ("_", "1")]
    assert objects_query(pairs) == {
        "objects": {"gcode_move": None, "extruder": ["target", "temperature"]}
    }


def test_params_of_calls_without_arguments_are_ready_where_nothing_is_required():
    class Params(msgspec.Struct, frozen=True):
        raw: bool = False

    class Named(msgspec.Struct, frozen=True):
        name: str

    reader = ArgumentReader(Params)
    assert reader.default == reader.read({}) == Params()
    assert ArgumentReader(Named).default is None
    assert reader.read({"raw": "true"}) == Params(raw=True)
    assert reader.read({"other": 1}) == Params()
