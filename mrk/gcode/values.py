"""Values as slicers write them: decimals, lists, quoted texts, durations in words.

Bytes in, a value or None out; nothing here raises. A decimal may have a comma for its point
where a single number is meant; in lists a comma separates unless the blanks say otherwise.
"""

import codecs
import json
import math
import re

NUMBER = rb"[-+]?(?:\d{1,30}+\.?\d{0,30}+|\.\d{1,30}+)(?:[eE][-+]?\d{1,3})?"
_FIRST = re.compile(rb"[\s\"]{0,64}+(" + NUMBER + rb")")
_COMMA_DECIMAL = re.compile(rb"[\s\"]{0,64}+([-+]?\d{1,30}+),(\d{1,30}+)(?![.,]?\d)")
_LIST = re.compile(rb";|,(?=\s)")
_ELEMENT = re.compile(rb'"((?:[^"\\]|\\.)*+)"|([^,;"]++)', re.DOTALL)
_DURATION = re.compile(rb"(\d{1,12}+(?:\.\d{1,9}+)?)\s{0,8}+([a-zA-Z]{1,16}+)")
_INTEGER = re.compile(r"[-+]?\d{1,15}", re.ASCII)
INTEGER_LIMIT = 10**15
_SECONDS = {b"d": 86400, b"h": 3600, b"m": 60, b"s": 1}
_TEXT_LIMIT = 1024
_CONTROL = dict.fromkeys([*range(32), 127])


def decimal(raw: bytes) -> float | None:
    """One number; `0,2` is 0.2, `0.2,0.3` is 0.2, `-33` is negative."""
    if match := _COMMA_DECIMAL.match(raw):
        return _finite(match[1] + b"." + match[2])
    return first_decimal(raw)


def first_decimal(raw: bytes) -> float | None:
    """The first number of a list such as `0.4,0.4,porkchop`."""
    match = _FIRST.match(raw)
    return _finite(match[1]) if match else None


def nozzle(raw: bytes) -> float | None:
    """A nozzle's diameter: a list whose first element is never 0, so `0,4` is 0.4."""
    value = first_decimal(raw)
    return decimal(raw) if value == 0 else value


def whole(raw: bytes) -> int | None:
    """The first number as an integer; `1.0` is 1, `1.5` is none."""
    value = first_decimal(raw)
    if value is None or abs(value) > INTEGER_LIMIT or value != int(value):
        return None
    return int(value)


def decimals(raw: bytes) -> list[float] | None:
    """A list of numbers: `1.20, 0, 0.29`, `12,34, 5,6`, `0.4,0.4`; other elements are dropped."""
    parts = _LIST.split(raw)
    if b"." in raw or any(part.count(b",") > 1 for part in parts):
        parts = [piece for part in parts for piece in part.split(b",")]
    found = [value for part in parts if (value := decimal(part)) is not None]
    return found or None


def total(raw: bytes) -> float | None:
    """The sum of a list of numbers."""
    found = decimals(raw)
    return tidy(sum(found)) if found else None


def integers(raw: bytes) -> list[int] | None:
    """A list of integers; none at all if any element is something else."""
    found: list[int] = []
    for element in texts(raw):
        if not _INTEGER.fullmatch(element):
            return None
        found.append(int(element))
    return found


def tools_from_1(raw: bytes) -> list[int] | None:
    """Tools in use, counted from 1 (OrcaSlicer's header): `1,3` is tools 0 and 2."""
    found = integers(raw)
    if not found or min(found) < 1:
        return None
    return [tool - 1 for tool in found]


def text(raw: bytes) -> str | None:
    """A text without its quotes, blanks at the ends and control characters."""
    return readable(raw.strip().strip(b'"')) or None


def texts(raw: bytes) -> list[str]:
    """A list separated by commas or semicolons, elements perhaps quoted; empty ones are dropped."""
    found = []
    for quoted, bare in _ELEMENT.findall(raw):
        element = readable(re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) or bare.strip())
        if element:
            found.append(element)
    return found


def one_or_many(raw: bytes) -> str | None:
    """A text, or for several the JSON array of them as a text, as clients expect."""
    found = texts(raw)
    if len(found) < 2:
        return found[0] if found else None
    return json.dumps(found, ensure_ascii=False)


def duration(raw: bytes) -> int | None:
    """Whole seconds of `1d 2h 3m 4s`, `1 hour 3 minutes`, `0.815957s`."""
    found = [
        float(number) * _SECONDS[unit[:1].lower()]
        for number, unit in _DURATION.findall(raw)
        if unit[:1].lower() in _SECONDS
    ]
    return round(sum(found)) if found else None


def tidy(value: float) -> float:
    """Rid a sum of the noise of binary fractions."""
    return round(value, 6)


def readable(raw: bytes) -> str:
    """Text of unknown encoding: UTF-8, else Latin-1; bounded, without control characters."""
    taken = raw[: _TEXT_LIMIT * 4]
    try:
        # A letter that is cut in two at the limit is no error.
        decoded, _ = codecs.utf_8_decode(taken, "strict", len(taken) == len(raw))
    except UnicodeDecodeError:
        decoded = taken.decode("latin-1")
    return decoded.translate(_CONTROL)[:_TEXT_LIMIT].strip()


def _finite(raw: bytes) -> float | None:
    value = float(raw)
    return value if math.isfinite(value) else None
