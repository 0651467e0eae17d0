"""Ratios of a paired run, their bounds, and what is shown of them."""

import json

import pytest

from benchmarks.figures import Failure
from benchmarks.paired.comparison import Bound, Comparison, document, table


def comparison(**changed):
    fields = {
        "name": "push_1_at_20",
        "what": "push, 1 subscriber at 20/s: CPU",
        "unit": "us/push",
        "samples": {"mrk": [30.0, 10.0, 20.0], "Moonraker": [40.0, 50.0, 20.0]},
    }
    return Comparison(**{**fields, **changed})


def test_ratio_is_of_medians_and_spread_of_rounds():
    compared = comparison()
    assert compared.others == ["Moonraker"]
    assert compared.ratio("Moonraker") == 0.5
    assert compared.spread("Moonraker") == (0.2, 1.0)


def test_nothing_has_no_ratio():
    compared = comparison(samples={"mrk": [1.0], "floor": [0.0]}, bounds=(Bound("floor", 1.3),))
    assert compared.ratio("floor") is None
    assert compared.spread("floor") is None
    assert compared.within("floor") is None


@pytest.mark.parametrize(
    ("ratio", "more_is_better", "within"),
    [(0.5, False, True), (0.49, False, False), (0.5, True, True), (0.51, True, False)],
)
def test_the_edge_of_a_bound_is_within(ratio, more_is_better, within):
    compared = comparison(bounds=(Bound("Moonraker", ratio),), more_is_better=more_is_better)
    assert compared.within("Moonraker") is within


def test_a_bound_counts_for_its_own_contender_only():
    samples = {"mrk": [2.0], "Moonraker": [4.0], "floor": [1.0]}
    compared = comparison(samples=samples, bounds=(Bound("floor", 1.3),))
    assert compared.within("Moonraker") is None
    assert compared.within("floor") is False


def test_one_table_for_each_contender():
    compared = comparison(
        samples={"mrk": [20.0], "Moonraker": [40.0], "floor": [10.0]},
        bounds=(Bound("Moonraker", 0.4),),
    )
    beside, floor = table([compared]).split("\n\n")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in beside.splitlines()]
    assert cells[0][:5] == ["what", "mrk", "Moonraker", "unit", "ratio"]
    assert cells[2][1:] == ["20", "40", "us/push", "0.50", "0.50 to 0.50", "<= 0.40", "NO"]
    assert "2.00 to 2.00" in floor


def test_who_was_not_measured_has_no_row():
    alone = comparison(samples={"mrk": [1.0], "Moonraker": [2.0]})
    with_floor = comparison(
        what="with floor", samples={"mrk": [1.0], "Moonraker": [2.0], "floor": [1.0]}
    )
    beside, floor = table([alone, with_floor]).split("\n\n")
    assert len(beside.splitlines()) == 4
    assert len(floor.splitlines()) == 3


def test_what_failed_is_said():
    assert table([comparison()], [Failure("idle", "refused")]).endswith(
        "idle: not measured: refused"
    )


def test_document_is_json_with_every_round():
    made = document(
        [comparison(bounds=(Bound("Moonraker", 0.65),))], [Failure("idle", "no")], {"cores": 2}
    )
    read = json.loads(json.dumps(made))
    (one,) = read["comparisons"]
    assert one["samples"]["mrk"] == [30, 10, 20]
    assert one["values"] == {"mrk": 20, "Moonraker": 40}
    assert one["ratios"] == {"Moonraker": 0.5}
    assert one["within"] == {"Moonraker": True}
    assert read["failures"] == [{"name": "idle", "reason": "no"}]
