"""When items are looked at, what GitHub lets us ask, and which hash a list names."""

import pytest

from mrk.updates.releases import Asset, RateLimit, Release, listed_sha256, rate_limit
from mrk.updates.schedule import in_window, is_due


@pytest.mark.parametrize(
    ("window", "hours"),
    [
        ((0, 5), {0, 1, 2, 3, 4}),
        ((5, 5), set(range(24))),
        ((22, 2), {22, 23, 0, 1}),
        ((23, 0), {23}),
    ],
)
def test_windows(window, hours):
    assert {hour for hour in range(24) if in_window(hour, window)} == hours


def test_due():
    assert not is_due(1000.0, 3600.0, 4599.0, "a", "a")
    assert is_due(1000.0, 3600.0, 4600.0, "a", "a")
    assert is_due(1000.0, 3600.0, 1001.0, "a", "b")
    assert is_due(1e10, 3600.0, 1001.0, "a", "a")  # the clock was wrong
    assert not is_due(4601.0, 3600.0, 1001.0, "a", "a")
    assert is_due(4602.0, 3600.0, 1001.0, "a", "a")


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
    assert "in 1 min" in found.refusal(999.0)
    assert RateLimit(60, 1, 1000.0).refusal(700.0) is None
    assert RateLimit(60, 0).refusal(700.0) is None
    assert rate_limit({"x-ratelimit-remaining": "0"}, found) == RateLimit(None, 0, None)
    assert rate_limit({}, found) == found
    assert rate_limit({"x-ratelimit-remaining": "many"}, found) == found


def test_listed_hashes():
    digest, other = "a" * 64, "b" * 64
    text = f"{other}  other.zip\n{digest.upper()} *./thing.zip\n"
    assert listed_sha256(text, "thing.zip") == digest
    assert listed_sha256(f" {digest.upper()} \n\n", "thing.zip") == digest
    assert listed_sha256(f"{digest}\n{other}\n", "thing.zip") is None
    assert listed_sha256("what\n", "thing.zip") is None
    assert listed_sha256(text, "third.zip") is None


def test_a_release_without_a_name_is_its_tag():
    assert Release("v1", " ").version == "v1"
    assert Release("v1", "One").asset(None) is None
    assert Release("v1", " One ").version == "One"


def test_which_file_of_a_release():
    names = ("a.zip", "B.zip", "b.ZIP.sha256", "SHA256SUMS.txt")
    assets = [Asset(name, f"https://x/{name}") for name in names]
    release = Release("v1", None, assets)
    assert release.asset(None) is release.asset("") is assets[0]
    assert release.asset("B.zip") is assets[1]
    assert release.asset("b.zip") is None
    assert release.sums(assets[1]) is assets[2]
    assert release.sums(assets[0]) is assets[3]
    assert Release("v1", None, assets[:2]).sums(assets[0]) is None


def test_published_hashes():
    digest = "A" * 64
    assert Asset("a", "", digest=f"sha256:{digest}").sha256 == digest.lower()
    for unknown in (None, "", digest, f"sha512:{digest}", f"sha256:{digest}0"):
        assert Asset("a", "", digest=unknown).sha256 is None
