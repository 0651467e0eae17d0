"""Numbers of printer objects and records, which may be anything. Pure."""

import math


def number(value: object) -> float | None:
    """None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
