"""The table for people and the document for machines."""

import json

import pytest

from benchmarks.figures import Failure, Figure, document, number, table


def figure(**changed):
    fields = {"name": "start", "what": "start to first answer", "value": 0.25, "unit": "s"}
    return Figure(**{**fields, **changed})


@pytest.mark.parametrize(
    ("value", "budget", "more_is_better", "within"),
    [
        (0.3, None, False, None),
        (0.3, 0.3, False, True),
        (0.301, 0.3, False, False),
        (1000, 1000, True, True),
        (999, 1000, True, False),
    ],
)
def test_the_edge_is_within(value, budget, more_is_better, within):
    assert figure(value=value, budget=budget, more_is_better=more_is_better).within is within


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2512, "0.251"), (7.5, "7.50"), (25.43, "25.4"), (123.4, "123"), (70.0, "70"), (0, "0")],
)
def test_numbers_keep_three_digits(value, text):
    assert number(value) == text


def test_budget_and_figure_stand_side_by_side():
    lines = table(
        [
            figure(budget=0.3),
            figure(what="websockets", value=999, unit="", budget=1000, more_is_better=True),
            figure(what="no budget", value=12345.6, unit="requests/s"),
        ]
    ).splitlines()
    assert lines[0].split() == ["what", "figure", "best", "unit", "budget", "within"]
    assert lines[2].split() == [*["start", "to", "first", "answer", "0.250", "s", "0.300", "yes"]]
    assert lines[3].split() == ["websockets", "999", ">=", "1000", "NO"]
    assert lines[4].split() == ["no", "budget", "12346", "requests/s"]


@pytest.mark.parametrize(
    ("samples", "more_is_better", "best"),
    [((), False, None), ((2.0,), False, None), ((2.0, 1.0, 3.0), False, 1), ((2.0, 3.0), True, 3)],
)
def test_best_of_several(samples, more_is_better, best):
    assert figure(samples=samples, more_is_better=more_is_better).best == best


def test_of_several_the_median_counts():
    words = {"name": "start", "what": "start to first answer", "unit": "s", "budget": 0.3}
    assert Figure.of([0.4, 0.2, 0.25], **words) == Figure(
        value=0.25, samples=(0.4, 0.2, 0.25), **words
    )


def test_what_was_not_measured_is_said():
    assert table([], [Failure("bridge", "refused")]).endswith("bridge: not measured: refused")


def test_document_is_json_with_everything():
    made = document(
        [figure(budget=0.3, samples=(0.2, 0.25, 0.4), note="spawned")],
        [Failure("bridge", "refused")],
        {"cores": 2},
    )
    read = json.loads(json.dumps(made))
    assert read["machine"] == {"cores": 2}
    assert read["figures"][0]["within"] is True
    assert read["figures"][0]["samples"] == [0.2, 0.25, 0.4]
    assert read["failures"] == [{"name": "bridge", "reason": "refused"}]
