"""Families of metrics as text: OpenMetrics 1.0, and Prometheus' own format (0.0.4).

An own writer: the client library takes 2.9 MB and 20 ms to import, 2.3 ms (OpenMetrics 3.6 ms) for
600 series, where this takes 0.6 ms. Pure.
"""

from collections.abc import Iterable, Iterator

from mrk.metrics.family import COUNTER, GAUGE, HISTOGRAM, Labels, MetricFamily
from mrk.metrics.histogram import Histogram

# Series of one answer; what comes behind is left out, and counted in the last series.
MOST_SERIES = 2000
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
LEFT_OUT = "mrk_metrics_left_out"
_LEFT_OUT_HELP = "Series that did not fit into this answer."


def exposition(
    families: Iterable[MetricFamily], *, openmetrics: bool, most_series: int = MOST_SERIES
) -> bytes:
    """The whole answer, in the order of the families; of equal names the first one counts."""
    lines: list[str] = []
    names: set[str] = set()
    left, left_out = most_series - 1, 0
    for family in families:
        if family.name in names:
            continue
        series = list(_series(family))
        if len(series) > left:
            # A histogram is whole or not there.
            kept = 0 if family.kind == HISTOGRAM else max(left, 0)
            left_out += len(series) - kept
            series = series[:kept]
        if not series:
            continue
        names.add(family.name)
        left -= len(series)
        lines += _head(family.name, family.kind, family.help, openmetrics)
        lines += series
    lines += _head(LEFT_OUT, GAUGE, _LEFT_OUT_HELP, openmetrics)
    lines.append(f"{LEFT_OUT} {left_out}")
    lines.append("# EOF\n" if openmetrics else "")
    return "\n".join(lines).encode("utf-8", "replace")


def _head(name: str, kind: str, help_text: str, openmetrics: bool) -> tuple[str, str]:
    # Prometheus' format names a counter as its series is named.
    if kind == COUNTER and not openmetrics:
        name += "_total"
    return f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"


def _series(family: MetricFamily) -> Iterator[str]:
    if family.histogram is not None:
        yield from _buckets(family.name, family.histogram)
        return
    name = family.name + "_total" if family.kind == COUNTER else family.name
    seen: set[Labels] = set()
    for sample in family.samples:
        if sample.labels not in seen:
            seen.add(sample.labels)
            yield f"{name}{_labels(sample.labels)} {sample.value!r}"


def _buckets(name: str, histogram: Histogram) -> Iterator[str]:
    count = 0
    for bound, more in zip((*histogram.bounds, None), histogram.counts, strict=True):
        count += more
        limit = "+Inf" if bound is None else repr(float(bound))
        yield f'{name}_bucket{{le="{limit}"}} {count}'
    yield f"{name}_sum {histogram.total!r}"
    yield f"{name}_count {count}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels) + "}"


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
