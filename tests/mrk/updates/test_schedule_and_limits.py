"""When items are looked at, what GitHub lets us ask, and which hash a list names."""

import pytest

from mrk.updates.releases import RateLimit, Release, listed_sha256, rate_limit
from mrk.updates.schedule import in_window, is_due


@pytest.mark.parametrize(
    ("window", "hours"),
    [((0, 5), {0, 1, 2, 3, 4}), ((22, 2), {22, 23, 0, 1}), ((23, 0), {23})],
)
def test_windows(window, hours):
    assert {hour for hour in range(24) if in_window(hour, window)} == hours


def test_due():
    assert not is_due(1000.0, 3600.0, 4599.0, "a", "a")
    assert is_due(1000.0, 3600.0, 4600.0, "a", "a")
    assert is_due(1000.0, 3600.0, 1001.0, "a", "b")
    assert is_due(1e10, 3600.0, 1001.0, "a", "a")  # the clock was wrong


def test_the_limit_of_an_hour():
    headers = {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1000",
    }
    found = rate_limit(headers, RateLimit())
    assert found == RateLimit(60, 0, 1000.0)
    assert "in 5 min" in found.refusal(700.0)
    assert found.refusal(1000.0) is None
    assert rate_limit({}, found) == found
    assert rate_limit({"x-ratelimit-remaining": "many"}, found) == found


def test_listed_hashes():
    digest, other = "a" * 64, "b" * 64
    text = f"{other}  other.zip\n{digest.upper()} *./thing.zip\n"
    assert listed_sha256(text, "thing.zip") == digest
    assert listed_sha256(f"{digest}\n", "thing.zip") == digest
    assert listed_sha256(text, "third.zip") is None


def test_a_release_without_a_name_is_its_tag():
    assert Release("v1", " ").version == "v1"
    assert Release("v1", "One").asset(None) is None
