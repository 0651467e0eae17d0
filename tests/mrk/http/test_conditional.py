"""Conditions: tags before dates, strong and weak comparison, junk that is no condition."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.http.conditional import (
    entity_tag,
    http_date,
    not_modified,
    parse_http_date,
    precondition_failed,
    range_applies,
)
from mrk.http.head import RequestHead

TAG = entity_tag(10, 1_000_000_000_000, 7)
NOW, LATER, EARLIER = http_date(1000), http_date(1001), http_date(999)


def head(*headers: tuple[str, str]) -> RequestHead:
    return RequestHead("GET", "/", "1.1", headers, "a", "a")


def test_tags_tell_versions_apart() -> None:
    assert len({TAG, entity_tag(11, 1_000_000_000_000, 7), entity_tag(10, 1, 7)}) == 3


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], False),
        ([("if-none-match", TAG)], True),
        ([("if-none-match", f'"a", W/{TAG}')], True),
        ([("if-none-match", '"a"'), ("if-none-match", TAG)], True),
        ([("if-none-match", '"a"'), ("if-modified-since", LATER)], False),
        ([("if-modified-since", NOW)], True),
        ([("if-modified-since", EARLIER)], False),
        ([("if-modified-since", "yesterday")], False),
    ],
)
def test_not_modified(headers: list[tuple[str, str]], expected: bool) -> None:
    assert not_modified(head(*headers), TAG, 1000) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], False),
        ([("if-match", "*")], False),
        ([("if-match", TAG)], False),
        ([("if-match", f"W/{TAG}")], True),
        ([("if-unmodified-since", NOW)], False),
        ([("if-unmodified-since", EARLIER)], True),
    ],
)
def test_preconditions(headers: list[tuple[str, str]], expected: bool) -> None:
    assert precondition_failed(head(*headers), TAG, 1000) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(TAG, True), (f"W/{TAG}", False), ('"a"', False), (NOW, True), (LATER, False), ("x", False)],
)
def test_if_range(value: str, expected: bool) -> None:
    assert range_applies(head(("if-range", value)), TAG, 1000) is expected


@given(st.text(max_size=70))
def test_dates_never_fail(text: str) -> None:
    assert parse_http_date(text) is None or isinstance(parse_http_date(text), int)


@given(st.integers(0, 4_000_000_000))
def test_dates_come_back(seconds: int) -> None:
    assert parse_http_date(http_date(seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_all_ways_to_write_a_date_are_gmt(
    text: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        assert parse_http_date(text) == 784_111_777
    time.tzset()


@pytest.mark.parametrize("seconds", [-(2**62), -62_135_596_801, 253_402_300_800, 900_000_000_000])
def test_a_date_that_http_cannot_name_is_the_nearest_one(seconds: int) -> None:
    assert http_date(seconds) in (
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    )
