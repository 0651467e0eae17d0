"""Logins in addresses are hidden, whatever stands around them; what is no login stays."""

import pytest

from mrk.definitions.url_logins import hide_logins, without_login


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://me:pw@host/x", "https://<hidden>@host/x"),
        ("https://token@host", "https://<hidden>@host"),
        (
            "a 'mqtt://me:p@ss@host:1' b http://u:p@h.",
            "a 'mqtt://<hidden>@host:1' b http://<hidden>@h.",
        ),
        ("git+ssh://git@host/x", "git+ssh://git@host/x"),
        ("ssh://git:pw@host/x", "ssh://<hidden>@host/x"),
        ("git@host:x/y", "git@host:x/y"),
        ("http://host/@name?a=b@c", "http://host/@name?a=b@c"),
        ("http://host and me@host", "http://host and me@host"),
        ("http://<hidden>@host", "http://<hidden>@host"),
        (r"http://host\nme@host", r"http://host\nme@host"),
        ("://" * 100_000, "://" * 100_000),
    ],
)
def test_hidden(text: str, told: str) -> None:
    assert hide_logins(text) == told


def test_left_out() -> None:
    assert without_login("https://me:pw@host/x") == "https://host/x"
    assert without_login("ssh://git@host/x") == "ssh://git@host/x"
