"""Numbers that printers, clouds and files may send."""

import math

import pytest

from mrk.jobs.print_stats import PrintStats
from mrk.metrics.family import number
from mrk.status.numbers import finite


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, 1.0),
        (-2.5, -2.5),
        (2**64, 2.0**64),
        (10**400, None),
        (-(10**400), None),
        (math.inf, None),
        (math.nan, None),
        (True, None),
        ("1", None),
        (None, None),
        ([1], None),
    ],
)
def test_finite(value: object, wanted: float | None) -> None:
    assert finite(value) == wanted


def test_an_integer_without_a_float_spoils_nothing() -> None:
    huge = 10**400
    assert number(huge) is None
    assert PrintStats().merged({"print_duration": huge}).print_duration == 0.0
