"""Weights of what a client accepts (RFC 9110, section 12.4.2). Pure."""

import re

_WEIGHT = r"[01](?:\.[0-9]{0,3})?"


def weight(value: str) -> float:
    """The value of a `q` parameter, at most 1; 0, which refuses, for one that is not understood."""
    return min(float(value), 1.0) if re.fullmatch(_WEIGHT, value) else 0.0
