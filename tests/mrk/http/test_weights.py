"""Weights, also those that are none."""

import pytest

from mrk.http.weights import weight


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("1", 1.0), ("1.0", 1.0), ("0.5", 0.5), ("0.", 0.0), ("0", 0.0), ("1.999", 1.0),
        ("2", 0.0), ("-0.5", 0.0), ("nan", 0.0), ("inf", 0.0), ("0.5000", 0.0), ("", 0.0),
    ],
)  # fmt: skip
def test_weights(value: str, meant: float) -> None:
    assert weight(value) == meant
