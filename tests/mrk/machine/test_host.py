import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.host import parse_thermal_zone, parse_uptime


def test_uptime() -> None:
    assert parse_uptime(b"86400.25 160000.11\n") == 86400.25


@pytest.mark.parametrize("data", [b"", b"\n", b"x 1", b"nan 1", b"\xff" * 9000])
def test_an_unreadable_uptime_is_zero(data: bytes) -> None:
    assert parse_uptime(data) == 0.0


@pytest.mark.parametrize(
    ("data", "celsius"),
    [(b"47236\n", 47.24), (b"-5000\n", -5.0), (b"0\n", 0.0), (b"", None), (b"inf\n", None),
     (b"hot\n", None), (b"1" * 65, None)],
)  # fmt: skip
def test_thermal_zone(data: bytes, celsius: float | None) -> None:
    assert parse_thermal_zone(data) == celsius


@given(st.binary())
def test_junk_never_raises(data: bytes) -> None:
    assert math.isfinite(parse_uptime(data))
    assert math.isfinite(parse_thermal_zone(data) or 0.0)
