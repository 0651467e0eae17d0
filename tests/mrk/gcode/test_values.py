"""Numbers, lists, texts and durations as slicers write them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.gcode import values

READERS = [
    values.decimal, values.first_decimal, values.nozzle, values.whole, values.decimals,
    values.total, values.integers, values.text, values.texts, values.one_or_many, values.duration,
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@given(raw=st.binary(max_size=200))
def test_no_bytes_make_a_reader_raise_or_give_what_json_has_not(reader, raw):
    value = reader(raw)
    json.dumps(value)
    for number in value if isinstance(value, list) else [value]:
        assert not isinstance(number, float) or math.isfinite(number)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"0.2", 0.2), (b"0,2", 0.2), (b"0,25 mm", 0.25), (b".4", 0.4), (b"3.", 3.0),
        (b"-5.5", -5.5),
        (b"1.2e3", 1200.0), (b"0.2,0.3", 0.2), (b"1,2,3", 1.0), (b"12,34", 12.34),
        (b'"0.2"', 0.2), (b"0.2\r", 0.2), (b"1e999", None), (b"mm", None), (b"", None),
    ],
)  # fmt: skip
def test_decimal(raw, value):
    assert values.decimal(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"0,4", 0.4), (b"0.4,0.4,porkchop", 0.4), (b"0,4,0,4", 0.0), (b"1,1", 1.0)],
)
def test_nozzle(raw, value):
    assert values.nozzle(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"400.85, 0, 98.63", [400.85, 0, 98.63]), (b"0.4,0.4", [0.4, 0.4]), (b"1,2,3", [1, 2, 3]),
        (b"12,34, 5,6", [12.34, 5.6]), (b"12,34", [12.34]), (b"1, 2, , , 0.00", [1, 2, 0]),
        (b"", None),
    ],
)  # fmt: skip
def test_decimals(raw, value):
    assert values.decimals(raw) == value


def test_a_sum_has_no_noise():
    assert values.total(b"0.1, 0.2") == 0.3
    assert values.total(b"unknown") is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"25", 25), (b"1.0", 1), (b"12 layers", 12), (b"1.5", None), (b"1e15", 10**15),
     (b"1e16", None), (b"none", None)],
)  # fmt: skip
def test_whole(raw, value):
    assert values.whole(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"), [(b"1,3", [0, 2]), (b"0,1", None), (b"", None), (b"1,a", None)]
)
def test_tools_that_are_counted_from_1(raw, value):
    assert values.tools_from_1(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"215,230", [215, 230]), (b"280,-280", [280, -280]), (b"215,hot", None), (b"215.5", None),
     (b"", []), (b"9" * 16, None)],
)  # fmt: skip
def test_integers(raw, value):
    assert values.integers(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"PLA;PLA;ABS", ["PLA", "PLA", "ABS"]), (b'""', []), (b'"a;b";"c,d"', ["a;b", "c,d"]),
        (b'"say \\"hi\\"";x', ['say "hi"', "x"]), (b" #FF8000 ; ", ["#FF8000"]),
        (b";;;", []), (b"PLA\r", ["PLA"]),
    ],
)  # fmt: skip
def test_texts(raw, value):
    assert values.texts(raw) == value


def test_several_texts_become_a_json_array_one_stays_itself():
    assert values.one_or_many(b"PLA;PETG") == '["PLA", "PETG"]'
    assert values.one_or_many(b'"Prusament PLA"') == "Prusament PLA"


def test_a_text_in_latin_1_is_readable():
    assert values.text("Grün".encode("latin-1")) == "Grün"
    assert values.text("Grün".encode()) == "Grün"
    assert values.text(b"a\x00b\x1b[31m") == "ab[31m"
    assert values.text(b' "PLA" ') == "PLA"
    assert values.text(b'""') is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"13m 33s", 813), (b"1d 2h 3m 4s", 93784), (b"0 hours 39 minutes", 2340),
        (b"1 hour 1 min 5 sec", 3665), (b"0.815957s", 1), (b"806s ---", 806), (b"soon", None),
    ],
)  # fmt: skip
def test_duration(raw, value):
    assert values.duration(raw) == value


@pytest.mark.parametrize("shift", range(4))
def test_a_letter_at_the_limit_of_a_text_is_no_other_encoding(shift):
    text = "a" * shift + "ü🖨" * 1000
    assert values.readable(text.encode()) == text[:1024]
    assert values.readable(b"\xfc") == "ü"
    assert values.readable("ü".encode()[:1]) == "Ã"
