"""Which texts count as no API key."""

import os

import pytest

from mrk.access.keys import KEY_BYTES, given_key


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "88888888", "XXXXXX", "xxxxxxxx", " ******** ", "0000", "Xxxx", "-" * 10_000,
        "False", "false", "None", "null", "undefined",
        "your_moonraker_api_key_here", "YOUR-API-KEY", "yourApiKey",
    ],
)  # fmt: skip
def test_placeholders(text: str) -> None:
    assert given_key(text) == ""


@pytest.mark.parametrize(
    "text", ["junk", "k", "xxx", "XXXXXY", "888888889", "Falsey", "nulls", "my_key"]
)
def test_a_wrong_key_is_one(text: str) -> None:
    assert given_key(f" {text} ") == text


def test_keys_are_no_placeholders() -> None:
    for text in ("1" * 31 + "2", *(os.urandom(KEY_BYTES).hex() for _ in range(100))):
        assert given_key(text) == text
