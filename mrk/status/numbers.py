"""Numbers of printer objects, records and messages, which may be anything. Pure."""

import math


def finite(value: object) -> float | None:
    """None for what is no number, infinite, or an integer that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
