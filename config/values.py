"""Text to value: booleans, numbers, lists, dicts, with bounds.

Pure functions for `section.py`. A mistake is a ValueError whose text is the reason shown
to the user, with the offending value and what was expected.
"""

import ipaddress
import re
from collections.abc import Sequence

import msgspec

from config.config_errors import quoted
from mrk.definitions.limits import TOPIC_BYTES

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

_HOST_NAME = re.compile(r"[^\s/\[\]:@?#\"'`]+")


def is_host(text: str) -> bool:
    """Whether it can be a name or an address: no URL, no port behind it, no quotes around it."""
    if _HOST_NAME.fullmatch(text):
        return True
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def url_host(text: str) -> str | None:
    """A host as URLs have it, an IPv6 address in brackets; None for what `is_host` refuses."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not is_host(bare):
        return None
    return f"[{bare}]" if ":" in bare else bare


class OutOfRange(ValueError):
    """A number beyond its bounds; `nearest` is the closest one within, where that is safe."""

    def __init__(self, reason: str, nearest: float | None) -> None:
        super().__init__(reason)
        self.nearest = nearest


class Bounds(msgspec.Struct, frozen=True):
    """Limits of a written number: `low` and `high` belong to it, `above` and `below` do not.

    With `clamps` a number beyond `low` or `high` counts as that bound, with a warning.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    clamps: bool = False

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}"
        said = [
            (self.low, "at least"),
            (self.above, "more than"),
            (self.high, "at most"),
            (self.below, "less than"),
        ]
        return " and ".join(f"{word} {limit}" for limit, word in said if limit is not None)

    def hold(self, value: float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def nearest(self, value: float) -> float | None:
        """The bound that a number beyond it counts as; None where it is a mistake."""
        if not self.clamps:
            return None
        return self.low if self.low is not None and value < self.low else self.high


ANY = Bounds()
PORT = Bounds(low=1, high=65535)
# Of a serial line.
BAUD = Bounds(low=1200, high=4_000_000)
# Of MQTT.
QOS = Bounds(low=0, high=2)


def boolean(text: str) -> bool:
    """`1 yes true on` or `0 no false off`, in any case."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{quoted(text)} is not a boolean (expected yes or no, true or false)")
    return word in _TRUE


def integer(text: str, bounds: Bounds = ANY) -> int:
    """A decimal integer with an optional sign."""
    if not _INTEGER.fullmatch(text.strip()):
        raise ValueError(f"{quoted(text)} is not an integer{_expected(bounds)}")
    value = int(text)
    _check_bounds(text, value, bounds)
    return value


def number(text: str, bounds: Bounds = ANY) -> float:
    """A finite number in decimal or exponent form."""
    value = float(text) if _NUMBER.fullmatch(text.strip()) else None
    if value is None or value in (float("inf"), float("-inf")):
        raise ValueError(f"{quoted(text)} is not a number{_expected(bounds)}")
    _check_bounds(text, value, bounds)
    return value


def split_items(text: str, separator: str | None = "\n") -> list[str]:
    """Items between separators, stripped, empty ones dropped; None splits at white space."""
    return [item for part in text.split(separator) if (item := part.strip())]


def split_mapping(items: Sequence[str], bare_keys: bool = False) -> dict[str, str | None]:
    """`key=value` items as a dict; with `bare_keys` an item without `=` has the value None."""
    mapping: dict[str, str | None] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals and not bare_keys:
            raise ValueError(f'{quoted(item)} lacks "=" (expected key=value)')
        mapping[key.strip()] = value.strip() if equals else None
    return mapping


def choice(text: str, choices: Sequence[str], ignore_case: bool = False) -> str:
    """One of `choices`, as spelled there."""
    for one in choices:
        if text == one or (ignore_case and text.lower() == one.lower()):
            return one
    raise ValueError(f"{quoted(text)} is not known (expected one of {', '.join(choices)})")


def topic(text: str) -> str:
    """The name of one MQTT topic."""
    if not text or len(text.encode()) > TOPIC_BYTES or "\0" in text or "\n" in text:
        raise ValueError(f"{quoted(text)} is not a topic (expected one such as cmnd/plug/POWER)")
    if "+" in text or "#" in text:
        raise ValueError(f"{quoted(text)} has a wildcard (expected the name of one topic)")
    return text


def _check_bounds(text: str, value: float, bounds: Bounds) -> None:
    if not bounds.hold(value):
        reason = f"{quoted(text)} is out of range{_expected(bounds)}"
        raise OutOfRange(reason, bounds.nearest(value))


def _expected(bounds: Bounds) -> str:
    return f" (expected {bounds})" if bounds != ANY else ""
