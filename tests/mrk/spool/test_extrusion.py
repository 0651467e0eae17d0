"""Places of extruders -> millimetres."""

import math

import pytest

from mrk.spool.extrusion import MOST_EXTRUDERS, Extrusion


def at(e, extruder=None):
    fields = {"position": [1.0, 2.0, 3.0, e]}
    return fields if extruder is None else {**fields, "extruder": extruder}


def test_the_first_look_tells_nothing_of_a_run_that_was_met_midway():
    extrusion = Extrusion()
    assert extrusion.take(at(100.0, "extruder"), 1.0) is None
    assert extrusion.take(at(103.0), 2.0) == ("extruder", 3.0)
    assert extrusion.take(at(101.0), 3.0) == ("extruder", -2.0)


def test_all_of_a_run_that_was_followed_from_its_start():
    extrusion = Extrusion(from_start=True)
    assert extrusion.take(at(10.0, "extruder"), 1.0) == ("extruder", 10.0)
    assert extrusion.take(at(4.0, "extruder1"), 2.0) == ("extruder1", 4.0)


def test_tools_that_were_away_and_back_between_two_looks():
    extrusion = Extrusion(from_start=True)
    extrusion.take(at(10.0, "a"), 1.0)
    extrusion.take(at(5.0, "b"), 2.0)
    assert extrusion.take(at(11.0, "a"), 3.0) == ("a", 1.0)
    assert extrusion.take(at(9.0, "b"), 4.0) == ("b", 4.0)


def test_a_tool_at_the_very_same_place():
    """Klipper then tells the tool only."""
    extrusion = Extrusion(from_start=True)
    extrusion.take(at(7.0, "a"), 1.0)
    extrusion.take(at(0.0, "b"), 2.0)
    assert extrusion.take({"extruder": "a", "position": [0, 0, 0, 7.0]}, 3.0) is None
    assert extrusion.take({"extruder": "b"}, 4.0) == ("b", 7.0)


def test_what_is_older_than_the_last_look_is_known():
    extrusion = Extrusion(from_start=True)
    extrusion.take(at(7.0, "a"), 5.0)
    assert extrusion.take(at(3.0), 4.0) is None
    assert extrusion.take(at(8.0), 5.0) is None
    assert extrusion.take(at(8.0), 6.0) == ("a", 1.0)


@pytest.mark.parametrize(
    "junk",
    [{}, {"position": None}, {"position": [1, 2, 3]}, {"position": [0, 0, 0, "x"]},
     {"position": [0, 0, 0, math.nan]}, {"position": [0, 0, 0, True]}, {"extruder": 5},
     {"extruder": "x" * 201}],
)  # fmt: skip
def test_junk_moves_nothing(junk):
    extrusion = Extrusion(from_start=True)
    extrusion.take(at(7.0, "a"), 1.0)
    assert extrusion.take(junk, 2.0) is None
    assert extrusion.take(at(8.0), 3.0) == ("a", 1.0)


def test_a_jump_that_no_printer_makes():
    extrusion = Extrusion(from_start=True)
    extrusion.take(at(7.0, "a"), 1.0)
    assert extrusion.take(at(1e300), 2.0) is None
    assert extrusion.take(at(7.0), 3.0) is None
    assert extrusion.take(at(8.0), 4.0) == ("a", 1.0)


def test_a_bound_on_extruders():
    extrusion = Extrusion(from_start=True)
    for number in range(MOST_EXTRUDERS + 10):
        extrusion.take(at(1.0, f"e{number}"), float(number))
    assert len(extrusion.places_mm) == MOST_EXTRUDERS
