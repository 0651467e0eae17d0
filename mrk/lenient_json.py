"""JSON as Python's json module writes it, which is not always JSON.

NaN, infinities and numbers beyond 64 bits become null, lone surrogates U+FFFD: clients could not
read them. Slow, so only for texts that a strict decoder has refused.
"""

import json
from typing import Any

_INT_RANGE = range(-(2**63), 2**64)


def decode_lenient(data: bytes) -> Any:
    """The value; raises `ValueError` for what is no such text, or nested too deeply."""
    try:
        return _cleaned(json.loads(data.decode(), parse_constant=lambda _name: None))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _cleaned(value: Any) -> Any:
    """Replace what JSON for clients cannot carry."""
    match value:
        case dict():
            return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
        case list():
            return [_cleaned(inner) for inner in value]
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float() if value in (float("inf"), float("-inf")):
            return None
        case int() if value not in _INT_RANGE:
            return None
    return value
