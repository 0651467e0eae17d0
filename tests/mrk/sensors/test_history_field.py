"""Fields of jobs by every strategy: what begins, counts, is skipped, and goes on."""

import json

import msgspec
import pytest

from mrk.sensors.history_field import FieldRules, HistoryField
from mrk.sensors.trackers import MOST_COLLECTED, STRATEGIES


def field(strategy="basic", **rules):
    return HistoryField(FieldRules("sensor m", "f", "p", "p tracker", strategy, **rules))


def value_of(one, *values, paused=()):
    for value in values:
        one.take(value, paused=False)
    for value in paused:
        one.take(value, paused=True)
    return one.auxiliary().value


@pytest.mark.parametrize(
    ("strategy", "empty", "after", "with_known", "known_alone"),
    [
        ("basic", None, 5, 5, 10),
        ("accumulate", 0, 16, 26, 10),
        ("delta", 0, 2, -5, 0),
        ("average", None, 4.0, 5.2, 10.0),
        ("maximum", None, 6, 10, 10),
        ("minimum", None, 2, 2, 10),
        ("collect", [], [3, 2, 6, 5], [10, 3, 2, 6, 5], [10]),
    ],
)
def test_strategies(strategy, empty, after, with_known, known_alone):
    one = field(strategy)
    one.begin(10)
    assert value_of(one) == empty
    assert value_of(one, 3, 2, 6, 5) == after
    one.begin(10)
    assert value_of(one) == empty
    one = field(strategy, init_tracker=True)
    one.begin(10)
    assert value_of(one) == known_alone
    assert value_of(one, 3, 2, 6, 5) == with_known
    one.begin(None)
    assert value_of(one) == empty


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"delta"}))
def test_pauses_can_be_left_out(strategy):
    one, all_of_it = field(strategy, exclude_paused=True), field(strategy)
    for tracker in (one, all_of_it):
        tracker.begin(None)
    before = value_of(one, 3, 5)
    assert value_of(one, paused=[1, 100]) == before
    assert value_of(all_of_it, 3, 5, paused=[1, 100]) != before


def test_what_a_meter_counts_in_a_pause_is_left_out():
    one = field("delta", exclude_paused=True)
    one.begin(None)
    assert value_of(one, 100, 103, paused=[104, 110]) == 3
    assert value_of(one, 111) == 4


def test_collected_values_are_different_and_bounded():
    one = field("collect")
    one.begin(None)
    assert value_of(one, *range(MOST_COLLECTED + 5), *range(50, 60)) == list(range(5, 105))


@pytest.mark.parametrize(
    ("strategy", "stored", "after", "with_earlier"),
    [
        ("basic", 7, 5, 5),
        ("accumulate", 7.5, 16.5, 22.5),
        ("delta", 7.5, 8.5, 9.5),
        ("average", 8.0, 17 / 3, 23 / 5),
        ("maximum", 7, 7, 7),
        ("minimum", 4, 4, 3),
        ("minimum", 2, 2, 2),
        ("collect", [7, 4], [7, 4, 5], [7, 4, 3, 5]),
    ],
)
def test_a_job_goes_on(strategy, stored, after, with_earlier):
    fields = [
        {"provider": "spoolman", "name": "f", "value": 99},
        {"provider": "sensor m", "name": "g", "value": 98},
        {"provider": "sensor m", "name": "f", "value": stored},
    ]
    one = field(strategy)
    one.resume(fields, None)
    assert value_of(one) == stored
    assert value_of(one, 4, 5) == after
    # What came before the history had looked belongs to the job as well.
    one = field(strategy)
    value_of(one, 3, 3)
    one.resume(fields, 3)
    assert value_of(one, 4, 5) == with_earlier


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("stored", [None, "x", True, {}, [[]], 10**400])
def test_what_is_stored_and_senseless_is_left_out(strategy, stored):
    one, fresh = field(strategy), field(strategy)
    fresh.begin(None)
    one.resume([{"provider": "sensor m", "name": "f", "value": stored}], None)
    assert value_of(one) == value_of(fresh)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_field_that_was_empty_when_it_was_stored_goes_on(strategy):
    one, fresh = field(strategy), field(strategy)
    value_of(one, 3, 5)
    one.resume([{"provider": "sensor m", "name": "f", "value": None}], 5)
    assert value_of(one) == value_of(fresh, 3, 5)


def test_a_job_goes_on_once():
    stored = [{"provider": "sensor m", "name": "f", "value": 7}]
    one = field("accumulate")
    one.resume(stored, None)
    one.resume(stored, None)
    assert value_of(one, 4) == 11


def test_a_job_that_began_before_our_eyes_is_known_better_than_stored():
    one = field("average")
    one.begin(None)
    value_of(one, 2, 4)
    one.resume([{"provider": "sensor m", "name": "f", "value": 3.0}], 4)
    assert value_of(one, 9) == 5.0


def test_a_job_without_the_field_begins_it():
    one = field("basic", init_tracker=True)
    one.resume([], 12)
    assert value_of(one) == 12


@pytest.mark.parametrize(
    ("strategy", "precision", "value"),
    [("average", 2, 1.33), ("average", 0, 1.0), ("collect", 1, [1.3, 1.4]), ("basic", 3, 1.35)],
)
def test_precision(strategy, precision, value):
    one = field(strategy, precision=precision)
    one.begin(None)
    assert value_of(one, 1.31, 1.35) == value


def test_sums_fit_into_json():
    one = field("accumulate")
    one.begin(None)
    total = value_of(one, *[10**15] * 20_000)
    assert json.loads(msgspec.json.encode(total)) == 2e19


def test_what_the_history_is_told():
    one = field("basic", units="W", report_total=True)
    shown = one.auxiliary()
    assert (shown.provider, shown.name, shown.description) == ("sensor m", "f", "p tracker")
    assert (shown.units, shown.report_total, shown.report_maximum) == ("W", True, False)


@pytest.mark.parametrize(
    ("number", "precision", "shown"),
    [
        (2**53, 2, 2**53),
        (-(2**53) - 1, None, float(-(2**53))),
        (1.25, 1, 1.2),
        (1.25, None, 1.25),
        (7, 0, 7),
    ],
)
def test_numbers_as_the_history_has_them(number, precision, shown) -> None:
    one = field("accumulate", precision=precision)
    one.begin(None)
    value = value_of(one, number)
    assert (value, type(value)) == (shown, type(shown))
