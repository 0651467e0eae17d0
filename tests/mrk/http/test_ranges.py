"""Byte ranges: RFC 9110, section 14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.http.ranges import ByteRange, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("bytes=0-99", None),
        ("bytes=0-98", ByteRange(0, 99)),
        ("bytes=99-99", ByteRange(99, 1)),
        ("bytes=99-", ByteRange(99, 1)),
        ("bytes=-1", ByteRange(99, 1)),
        ("bytes=-100", None),
        ("bytes=-101", None),
        ("BYTES = 1 - 2", ByteRange(1, 2)),
        ("bytes=2-1", None),
        ("bytes=-", None),
        ("bytes=0-0,2-3", None),
        ("bytes=a-b", None),
        ("bytes=\u0661-", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_of_a_hundred_bytes(value: str | None, expected: ByteRange | None) -> None:
    assert parse_range(value, 100) == expected


@pytest.mark.parametrize("value", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_outside(value: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(value, 100)


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=-1"])
def test_an_empty_file_has_no_parts(value: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(value, 0)


@given(st.text("bytes=-0123456789, ", max_size=30), st.integers(0, 10**6))
def test_every_part_lies_in_the_file(value: str, total: int) -> None:
    try:
        part = parse_range("bytes=" + value, total)
    except Unsatisfiable:
        return
    if part is not None:
        assert 0 < part.size_bytes < total
        assert 0 <= part.start <= total - part.size_bytes
        end = part.start + part.size_bytes - 1
        assert part.content_range(total) == f"bytes {part.start}-{end}/{total}"
