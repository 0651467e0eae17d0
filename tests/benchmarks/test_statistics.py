"""Medians, percentiles and rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics import Spent, median, percentile

numbers = st.lists(st.floats(-1e9, 1e9), min_size=1)


@pytest.mark.parametrize(
    ("values", "middle"), [([3.0], 3.0), ([9.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 3.0], 2.5)]
)
def test_median(values, middle):
    assert median(values) == middle


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1), (50, 50), (50.5, 51), (99, 99), (99.1, 100), (100, 100)]
)
def test_percentile_is_the_nearest_rank(percent, expected):
    assert percentile(range(100, 0, -1), percent) == expected


@given(numbers, st.floats(0.001, 100))
def test_percentile_is_a_value_that_enough_do_not_exceed(values, percent):
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentile_refuses_what_is_no_percentage(percent):
    with pytest.raises(ValueError, match="no percentage"):
        percentile([1.0], percent)


@pytest.mark.parametrize("use", [median, lambda values: percentile(values, 50)])
def test_nothing_has_no_middle(use):
    with pytest.raises(ValueError, match="no values"):
        use([])


def test_spent_per_thing():
    assert Spent(cpu_ns=5_000_000, wall_ns=10_000_000).us_per(100) == 50


def test_baseline_is_taken_off():
    spent = Spent(cpu_ns=5_000_000, wall_ns=100_000_000)
    assert spent.us_per(100, baseline_share=0.01) == pytest.approx(40)
    assert spent.us_per(100, baseline_share=0.5) == 0


def test_spent_on_nothing():
    with pytest.raises(ValueError, match="nothing"):
        Spent(1, 1).us_per(0)
    assert Spent(1, 0).share() == 0
