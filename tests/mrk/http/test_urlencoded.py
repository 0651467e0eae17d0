"""Fields of queries and forms: as the standard library reads them, in a bounded time."""

import random
import tracemalloc
from urllib.parse import parse_qsl, unquote_to_bytes

import pytest

from mrk.http.urlencoded import MOST_BROKEN, MOST_FIELDS, NotFields, fields, percent_decoded


def test_as_the_standard_library() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        raw = bytes(chance.choice(b"%%%%=4aGf+&\n\r _.&\x00") for _ in range(chance.randrange(60)))
        assert percent_decoded(raw) == unquote_to_bytes(raw), raw
        assert fields(raw) == parse_qsl(raw.decode(), keep_blank_values=True), raw


def test_utf_8_raw_and_escaped() -> None:
    assert fields("ä=%C3%A4%C3".encode()) == [("ä", "ä\ufffd")]


def test_each_byte_comes_back() -> None:
    every = bytes(range(256))
    for form in ("%%%02x", "%%%02X"):
        assert percent_decoded(b"".join(form.encode() % byte for byte in every)) == every


def test_limits() -> None:
    assert len(fields(b"a&" * (MOST_FIELDS - 1) + b"b")) == MOST_FIELDS
    with pytest.raises(NotFields, match="more than 1000 fields"):
        fields(b"a&" * MOST_FIELDS)
    stays = b"%" * MOST_BROKEN
    assert percent_decoded(stays) == stays
    with pytest.raises(NotFields, match="more than 4000 '%'"):
        percent_decoded(stays + b"%")


def test_escapes_cost_no_objects() -> None:
    """Each was a piece of its own: a form of 15 MB took 6 s and half a gigabyte."""
    raw = b"%41" * 200_000
    tracemalloc.start()
    try:
        decoded = percent_decoded(raw)
        most_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoded == b"A" * 200_000
    assert most_bytes < 4 * len(raw)
