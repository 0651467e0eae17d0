"""What one rendering of a template may use: processor time, sizes, how much it may make.

A template runs in the event loop and cannot be interrupted, so each of its steps is counted and
what a step would make is known before it is made. Sizes are as if printed: a list that holds
another one twice counts it twice, because printing or comparing it would do so.
"""

import re
import time
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

from jinja2.utils import Namespace

# A sensor's template takes 0.05 ms on a PC and 1 ms on a slow board.
CPU_S = 0.025
# The first steps are not timed: Python's collection of garbage falls into some rendering, and
# takes more than that on a slow board.
FREE_STEPS = 50
# Characters and items: to look at so many takes as long as a step.
STEP_WEIGHT = 500
TEXT_CHARS = 100_000
ITEMS = 10_000
# Everything that all steps made together, in characters and items.
MADE = 1_000_000
INTEGER_BITS = 4_096
# Widths, counts and precisions.
WIDTH = 1_000

_WIDE_FORMAT = re.compile(r"%(?:\([^)]*\))?[#0 +-]*(?:\*|\d{4,}|\d*\.(?:\*|\d{4,}))")
_CONTAINERS = (list, tuple, set, frozenset, KeysView, ValuesView)


class TooMuch(Exception):
    """A template went past a limit; the text says which."""


class Budget:
    """The account of one rendering, in processor time of this thread."""

    __slots__ = ("_ends_at", "_made", "_steps", "_written")

    def __init__(self) -> None:
        self._ends_at = time.thread_time() + CPU_S
        self._made = 0
        self._steps = 0
        self._written = 0

    def step(self, weight: int = 0) -> None:
        """One step more, or several for what is heavy; raises `TooMuch` when time is up."""
        self._steps += 1 + weight // STEP_WEIGHT
        if self._steps > FREE_STEPS and time.thread_time() > self._ends_at:
            raise TooMuch(f"takes more than {CPU_S * 1000:.0f} ms of processor time")

    def paused(self, since: float) -> None:
        """Others ran since then: their time does not count."""
        self._ends_at += self.now() - since

    def now(self) -> float:
        """For `paused`."""
        return time.thread_time()

    def made(self, value: Any) -> Any:
        """Count what a step made, and return it."""
        kind = type(value)
        if kind is int or kind is float or kind is bool or value is None:
            weight = 1
        else:
            weight = weigh(value)
        self._made += weight
        if self._made > MADE:
            raise TooMuch(f"makes more than {MADE} characters and items")
        self.step()
        return value

    def write(self, value: Any) -> str:
        """The text of a value, which becomes part of the result."""
        self.step()
        if type(value) is not str:
            weigh(value)
            value = str(value)
        self._written += len(value)
        if self._written > TEXT_CHARS:
            raise TooMuch(f"writes more than {TEXT_CHARS} characters")
        text: str = value
        return text


def weigh(value: Any) -> int:
    """The size of a value in characters and items; raises `TooMuch` above the limits."""
    chars, items = 0, 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        items += 1
        if isinstance(item, str | bytes | bytearray):
            chars += len(item)
        elif isinstance(item, int):
            if item.bit_length() > INTEGER_BITS:
                raise TooMuch(f"makes a number of more than {INTEGER_BITS} bits")
        elif isinstance(item, dict | ItemsView):
            if items + 2 * len(item) <= ITEMS:
                pairs = item.items() if isinstance(item, dict) else item
                waiting.extend(part for pair in pairs for part in pair)
            else:
                items += 2 * len(item)
        elif isinstance(item, _CONTAINERS):
            if items + len(item) <= ITEMS:
                waiting.extend(item)
            else:
                items += len(item)
        elif isinstance(item, Namespace):
            # It prints what it holds, under this name only.
            waiting.append(item._Namespace__attrs)
        check_items(items)
        check_text(chars)
    return chars + items


def check_text(chars: int) -> None:
    """Raises `TooMuch` for a text of so many characters."""
    if chars > TEXT_CHARS:
        raise TooMuch(f"makes a text of more than {TEXT_CHARS} characters")


def check_items(items: int) -> None:
    """Raises `TooMuch` for so many items."""
    if items > ITEMS:
        raise TooMuch(f"makes a list of more than {ITEMS} items")


def check_widths(*values: Any) -> None:
    """Raises `TooMuch` for a width, count or precision that is too large."""
    for value in values:
        if isinstance(value, int) and abs(value) > WIDTH:
            raise TooMuch(f"asks for a width or count of more than {WIDTH}")


def check_replace(text: str, old: str, new: str) -> None:
    """Before `text.replace(old, new)`."""
    check_text(len(text) + text.count(old) * len(new))


def check_percent(text: str, values: Any) -> None:
    """Before `text % values`."""
    if _WIDE_FORMAT.search(text):
        raise TooMuch(f"asks for a width of more than {WIDTH}")
    check_text(len(text) + text.count("%") * (weigh(values) + WIDTH))


def check_power(base: Any, exponent: Any) -> None:
    """Before `base ** exponent`."""
    if (
        isinstance(base, int)
        and isinstance(exponent, int)
        and base.bit_length() * abs(exponent) > INTEGER_BITS
    ):
        raise TooMuch(f"makes a number of more than {INTEGER_BITS} bits")


def check_product(left: Any, right: Any) -> None:
    """Before `left * right`; texts and lists may be repeated."""
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > INTEGER_BITS:
            raise TooMuch(f"makes a number of more than {INTEGER_BITS} bits")
        return
    for repeated, times in ((left, right), (right, left)):
        if isinstance(times, int) and not isinstance(repeated, float):
            size = weigh(repeated) * max(times, 0)
            check_text(size)
            if isinstance(repeated, list | tuple):
                check_items(size)
