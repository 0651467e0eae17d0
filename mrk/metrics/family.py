"""One family of metrics: its name by the Prometheus conventions, and its samples.

Names carry the base unit (seconds, bytes, celsius, ratio), counters are named without their
`_total`. Values that are not known have no sample. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mrk.metrics.histogram import Histogram
from mrk.status.numbers import finite

GAUGE = "gauge"
COUNTER = "counter"
HISTOGRAM = "histogram"
# Longer texts (names of objects, of files), and those with control characters, are no labels.
LABEL_CHARS = 200

Labels = tuple[tuple[str, str], ...]


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One series: its labels, and its value now."""

    labels: Labels
    value: float


class MetricFamily(msgspec.Struct, frozen=True):
    """`samples` of a histogram are those of its buckets, sum and count (`histogram`)."""

    name: str
    kind: str
    help: str
    samples: list[Sample] = []
    histogram: Histogram | None = None


def number(value: Any) -> float | None:
    """A number that Klipper sent, None for what is none: null, text, infinity."""
    if isinstance(value, bool):
        return int(value)
    return None if finite(value) is None else value


def single(name: str, kind: str, help_text: str, value: Any, factor: float = 1) -> MetricFamily:
    """A family of one series without labels; of none when `value` is no number."""
    known = number(value)
    samples = [] if known is None else [Sample((), known * factor)]
    return MetricFamily(name, kind, help_text, samples)


def by_label(
    name: str, kind: str, help_text: str, label: str, values: Mapping[str, Any]
) -> MetricFamily:
    """A family of a series for each label's value that has a number; `values` by label."""
    samples = [
        Sample(((label, text),), known)
        for text, value in values.items()
        if is_label(text) and (known := number(value)) is not None
    ]
    return MetricFamily(name, kind, help_text, samples)


def is_label(text: str) -> bool:
    """Whether a text may be a label's value."""
    return len(text) <= LABEL_CHARS and text.isprintable()


def states(
    name: str, help_text: str, label: str, known: Iterable[str], now: str | None
) -> MetricFamily:
    """A series for each state: 1 for the one that is, 0 for the others; none when unknown."""
    if now is None:
        return MetricFamily(name, GAUGE, help_text)
    listed = list(known)
    if now not in listed:
        listed.append(now)  # a fork's own
    return by_label(name, GAUGE, help_text, label, {state: state == now for state in listed})
