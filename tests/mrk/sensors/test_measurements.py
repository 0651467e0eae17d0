"""Values and series of a sensor, and what is no value."""

import math

import pytest

from mrk.sensors.inbox import MOST_BYTES, MOST_MESSAGES, Inbox
from mrk.sensors.measurements import MOST_NAMES, Measurements, checked_name, checked_value


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (1, 1),
        (-2.5, -2.5),
        (0, 0),
        ("3.5", 3.5),
        (" 7 ", 7.0),
        (True, 1),
        (False, 0),
        (1e15, 1e15),
        (None, None),
    ],
)
def test_numbers(given, value):
    found = checked_value(given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "given",
    [
        "", "warm", "nan", "inf", "1e999", math.nan, math.inf, -math.inf, [], {}, [1], b"1",
        1e16, 10**400, "9" * 400,
    ],
)  # fmt: skip
def test_what_is_no_number(given):
    with pytest.raises(ValueError, match=r"is (not|larger)") as error:
        checked_value(given)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize("name", ["", None, 3, "x" * 65, ["a"]])
def test_what_is_no_name(name):
    with pytest.raises(ValueError, match="is not a name"):
        checked_name(name)


def test_series_hold_the_last_reading_again():
    kept = Measurements(3)
    kept.sample()
    assert kept.series() == {}
    kept.take({"temperature": 20.5, "humidity": 22})
    kept.sample()
    kept.take({"temperature": 21.0})
    for _ in range(3):
        kept.sample()
    assert kept.values == {"temperature": 21.0, "humidity": 22}
    assert kept.series() == {"temperature": [21.0] * 3, "humidity": [22] * 3}


def test_null_is_a_value_that_the_sensor_does_not_have():
    kept = Measurements(9)
    kept.take({"a": 1, "b": 2})
    kept.sample()
    kept.take({"a": None})
    kept.sample()
    assert kept.values == {"a": None, "b": 2}
    assert kept.series() == {"a": [1, None], "b": [2, 2]}


def test_nothing_is_sampled_while_nothing_is_known():
    kept = Measurements(9)
    kept.take({"a": 1})
    kept.sample()
    kept.forget()
    kept.sample()
    assert (kept.values, kept.series()) == ({}, {"a": [1]})


def test_names_are_bounded_also_after_a_loss():
    kept = Measurements(9)
    kept.take({f"n{number}": number for number in range(MOST_NAMES)})
    with pytest.raises(ValueError, match="more than 32"):
        kept.take({"one more": 1})
    assert len(kept.values) == MOST_NAMES
    kept.sample()
    kept.forget()
    with pytest.raises(ValueError, match="more than 32"):
        kept.take({"one more": 1})


def test_values_that_were_handed_out_stay_as_they_are():
    kept = Measurements(9)
    kept.take({"a": 1})
    before = kept.values
    kept.take({"a": 2})
    assert before == {"a": 1}


def test_the_inbox_keeps_order_and_the_newest():
    inbox = Inbox()
    dropped = sum(inbox.put(b"%d" % number) for number in range(MOST_MESSAGES + 5))
    assert (dropped, inbox.take(), inbox.take()) == (5, b"5", b"6")
    inbox.clear()
    assert inbox.take() is None


def test_the_inbox_counts_bytes():
    inbox = Inbox()
    half = bytes(MOST_BYTES // 2)
    assert [inbox.put(half) for _ in range(4)] == [0, 0, 1, 1]
    assert inbox.put(bytes(MOST_BYTES + 1)) == 3
    assert inbox.take() is None
