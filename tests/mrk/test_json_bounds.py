import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk import json_bounds
from mrk.errors import ClientError
from mrk.json_bounds import MOST_LEVELS, MOST_VALUES, check, decode


def refused(text: bytes, most_values: int = MOST_VALUES) -> str | None:
    try:
        check(text, "it", most_values)
    except ClientError as exc:
        return exc.message
    return None


@pytest.mark.parametrize("value", [b"1", b"[]", b"{}", b'"a,b"', b'"\\\\"', b'"\\""'])
def test_the_last_value_that_is_taken_and_one_more(value: bytes) -> None:
    inside = b",".join([value] * (MOST_VALUES - 1))
    assert refused(b"[" + inside + b"]") is None
    assert refused(b"[1," + inside + b"]") == f"it: more than {MOST_VALUES} values and names"


def test_names_count_as_values_do() -> None:
    members = b",".join(b'"%d":1' % number for number in range(MOST_VALUES // 2))
    assert refused(b"{" + members[len(b'"0":1,') :] + b"}") is None
    assert "more than" in (refused(b"{" + members + b"}") or "")


@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"[":', b"}"), (b'[{"a":', b"}]")])
def test_the_last_level_that_is_taken_and_one_more(pair: tuple[bytes, bytes]) -> None:
    depth = MOST_LEVELS // (pair[0].count(b"[") + pair[0].count(b"{") - (b'"[' in pair[0]))
    assert refused(pair[0] * depth + b"1" + pair[1] * depth) is None
    deeper = b"[" + pair[0] * depth + b"1" + pair[1] * depth + b"]"
    assert refused(deeper) == f"it: nested deeper than {MOST_LEVELS} levels"


def test_separators_and_brackets_within_texts_are_none() -> None:
    script = json.dumps(['G1 X1,2 [a:b] {c} \\" \\\\' * 40_000, "}]"]).encode()
    assert len(script) > 700_000
    assert refused(script) is None


@pytest.mark.parametrize(
    "text",
    [
        b'"' + b'\\"' * 500_000,
        b'"' * 1_000_001,
        b"\\" * 1_000_000,
        b'"\\\\",' * 200_000,
        b"[{" * 500_000,
    ],
    ids=["one text", "quotes", "backslashes", "texts", "open"],
)
def test_no_text_takes_long(text: bytes) -> None:
    # A pattern that begins anew at every quote would take hours.
    assert refused(text) is not None or text.startswith((b'"', b"\\"))


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=25,
)


def counted(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(1 + counted(part) for part in value.values())
    return 1 + sum(map(counted, value)) if isinstance(value, list) else 1


@given(json_values, st.booleans())
def test_the_count_is_exact(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    count = counted(value)
    assert refused(text, count) is None
    if count > 1 and len(text) > 2 * (count - 1):
        assert refused(text, count - 1) is not None


def valid(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(st.text(alphabet='\\"[]{},:a1 ', max_size=300).map(str.encode))
def test_any_bytes_are_judged(text: bytes) -> None:
    try:
        decode(text, "it")
    except ClientError:
        assert refused(text) is not None or not valid(text)


def test_decode_gives_the_value() -> None:
    assert json_bounds.decode(b' {"a": [1, "x"]} ', "it") == {"a": [1, "x"]}
    for bad in (b"", b"{", b'"\xff"', b"1" * 5000, b"1e999"):
        with pytest.raises(ClientError, match="it: no JSON"):
            decode(bad, "it")
