"""The two text formats, and their bound."""

import pytest

from mrk.metrics.accept import wants_openmetrics
from mrk.metrics.exposition import MOST_SERIES, exposition
from mrk.metrics.family import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    MetricFamily,
    Sample,
    by_label,
    single,
    states,
)
from mrk.metrics.histogram import Histogram

TEMPERATURES = by_label(
    "x_celsius", GAUGE, "Warm.", "object", {'a "b"\\c': 20.5, "off": None, "bed": 60}
)


def text(*families: MetricFamily, openmetrics: bool = False, most: int = MOST_SERIES) -> list[str]:
    return exposition(families, openmetrics=openmetrics, most_series=most).decode().splitlines()


def series(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("#")]


def test_a_gauge_in_both_formats():
    expected = [
        "# HELP x_celsius Warm.",
        "# TYPE x_celsius gauge",
        'x_celsius{object="a \\"b\\"\\\\c"} 20.5',
        'x_celsius{object="bed"} 60',
        "# HELP mrk_metrics_left_out Series that did not fit into this answer.",
        "# TYPE mrk_metrics_left_out gauge",
        "mrk_metrics_left_out 0",
    ]
    assert text(TEMPERATURES) == expected
    assert text(TEMPERATURES, openmetrics=True) == [*expected, "# EOF"]
    assert exposition([], openmetrics=False).endswith(b"0\n")
    assert exposition([], openmetrics=True).endswith(b"\n# EOF\n")


def test_a_counter_has_its_ending_where_each_format_wants_it():
    counter = single("x_jobs", COUNTER, "Jobs.", 3)
    assert text(counter)[:3] == [
        "# HELP x_jobs_total Jobs.", "# TYPE x_jobs_total counter", "x_jobs_total 3",
    ]  # fmt: skip
    assert text(counter, openmetrics=True)[:3] == [
        "# HELP x_jobs Jobs.", "# TYPE x_jobs counter", "x_jobs_total 3",
    ]  # fmt: skip


def test_a_histogram_is_cumulative():
    histogram = Histogram((0.5, 1))
    for value in (0.1, 0.5, 0.7, 9.0):
        histogram.note(value)
    family = MetricFamily("x_seconds", HISTOGRAM, "Long.", histogram=histogram)
    assert series(text(family))[:5] == [
        'x_seconds_bucket{le="0.5"} 2',
        'x_seconds_bucket{le="1.0"} 3',
        'x_seconds_bucket{le="+Inf"} 4',
        "x_seconds_sum 10.3",
        "x_seconds_count 4",
    ]


def test_what_is_not_known_is_absent():
    junk = (None, "20", float("nan"), float("inf"), [], {})
    for value in junk:
        assert "x" not in "".join(text(single("x", GAUGE, "X.", value)))
    assert series(text(single("x", GAUGE, "X.", True)))[0] == "x 1"
    assert series(text(states("x", "X.", "state", ["on"], None)))[0] == "mrk_metrics_left_out 0"
    forked = series(text(states("x", "X.", "state", ["on"], "odd")))
    assert forked[:2] == ['x{state="on"} 0', 'x{state="odd"} 1']


def test_labels_are_short_and_printable():
    values = {"a" * 200: 1, "b" * 201: 1, "line\nbreak": 1, "\udcff": 1, "ä": 1}
    labels = [line[:12] for line in series(text(by_label("x", GAUGE, "X.", "o", values)))[:-1]]
    assert labels == ['x{o="aaaaaaa', 'x{o="ä"} 1']


def test_no_series_twice():
    twice = MetricFamily("x", GAUGE, "X.", [Sample((("a", "b"),), 1), Sample((("a", "b"),), 2)])
    assert series(text(twice, twice)) == ['x{a="b"} 1', "mrk_metrics_left_out 0"]


@pytest.mark.parametrize(("count", "left_out"), [(1999, 0), (2000, 1), (5000, 3001)])
def test_at_most_2000_series(count, left_out):
    many = by_label("x", GAUGE, "X.", "o", dict.fromkeys(map(str, range(count)), 1))
    lines = series(text(many))
    assert len(lines) == min(count + 1, 2000)
    assert lines[-1] == f"mrk_metrics_left_out {left_out}"


def test_no_half_histogram():
    family = MetricFamily("x_seconds", HISTOGRAM, "X.", histogram=Histogram((1,)))
    after = single("y", GAUGE, "Y.", 1)
    assert series(text(family, after, most=6)) == [
        'x_seconds_bucket{le="1.0"} 0',
        'x_seconds_bucket{le="+Inf"} 0',
        "x_seconds_sum 0.0",
        "x_seconds_count 0",
        "y 1",
        "mrk_metrics_left_out 0",
    ]
    assert series(text(family, after, most=4)) == ["y 1", "mrk_metrics_left_out 4"]


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        ("application/openmetrics-text;version=9.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.2", False),
        ("application/openmetrics-text;q=rubbish", False),
        # Prometheus 2.42 and 3.
        ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "text/plain;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.3", True),
    ],
)  # fmt: skip
def test_what_a_scraper_wants(accept, openmetrics):
    assert wants_openmetrics(accept) is openmetrics
