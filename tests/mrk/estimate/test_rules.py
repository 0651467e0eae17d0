"""Properties of every plan, and of the two planners that have to agree on it."""

import math
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrk.estimate.estimate import Estimation
from mrk.estimate.kernel_choice import kernel, new_planner
from mrk.estimate.plan_clock import MARKS_LIMIT, PlanClock, seconds_at
from mrk.estimate.planner import Planner
from mrk.estimate.printer_limits import PrinterLimits, Slowdown
from tests.mrk.estimate.both_planners import estimate_both
from tests.mrk.estimate.printers import FULL, MEASURED

SAMPLES = sorted((Path(__file__).parents[2] / "data/gcode").glob("*.gcode"))
FILES = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)


def words(text: str) -> list[str]:
    return text.split()


_number = st.one_of(
    st.integers(-300, 300).map(str),
    st.floats(-300, 300, allow_nan=False).map(lambda value: f"{value:.4f}"),
    st.sampled_from(["1e9", "1000000000", "-.5", "5.", "nan", "", "0.00000000001", "1" * 45]),
)
_words = st.dictionaries(st.sampled_from("XYZEFIJKPST"), _number, max_size=6).map(
    lambda words: "".join(f" {letter}{value}" for letter, value in words.items())
)
_numbered = st.tuples(
    st.sampled_from(
        [
            "G0",
            "G1",
            "G1",
            "G1",
            "G1",
            "G2",
            "G3",
            "G4",
            "G10",
            "G11",
            "G17",
            "G18",
            "G19",
            "G28",
            "G90",
            "G91",
            "G92",
            "M82",
            "M83",
            "M84",
            "M106",
            "M107",
            "M109",
            "M204",
            "M220",
            "M221",
            "M400",
            "M600",
            "T0",
            "T1",
            "G01",
            "N3G1",
            "g1",
            "M73",
            "T-1",
        ]
    ),
    _words,
).map("".join)
_pairs = st.dictionaries(
    st.sampled_from(
        words(
            "NAME VELOCITY ACCEL ACCEL_TO_DECEL SQUARE_CORNER_VELOCITY MINIMUM_CRUISE_RATIO X "
            "Y_ADJUST E MOVE MOVE_SPEED RETRACT_LENGTH UNRETRACT_SPEED EXTRUDER RESET CURRENT"
        )
    ),
    st.one_of(_number, st.sampled_from(["a", '"b c"', "extruder1", "0.2", "'d"])),
    max_size=4,
).map(lambda pairs: "".join(f" {key}={value}" for key, value in pairs.items()))
_extended = st.tuples(
    st.sampled_from(
        words(
            "SET_VELOCITY_LIMIT SET_GCODE_OFFSET SAVE_GCODE_STATE RESTORE_GCODE_STATE "
            "SET_RETRACTION EXCLUDE_OBJECT_START EXCLUDE_OBJECT_END EXCLUDE_OBJECT "
            "ACTIVATE_EXTRUDER START_PRINT TEMPERATURE_WAIT"
        )
    ),
    _pairs,
).map("".join)
_comments = st.sampled_from(
    [";TYPE:WALL", "; FEATURE: Top", ";ESTIMATOR_ADD_TIME 3 x", ";ESTIMATOR_ADD_TIME nan", ";", ""]
)
_noise = st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"").decode("latin-1"))
_lines = st.lists(st.one_of(_numbered, _numbered, _extended, _comments, _noise), max_size=60)
_texts = _lines.map(lambda lines: "\n".join(lines).encode("latin-1"))
# Straight moves in the plane, at sensible speeds.
_flat = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 5), st.integers(5, 300)),
    min_size=1,
    max_size=40,
)


def moves(points) -> bytes:
    return "".join(f"G1 X{x / 4} Y{y / 4} E{e / 10} F{v * 60}\n" for x, y, e, v in points).encode()


def total(text: bytes, limits: PrinterLimits = MEASURED) -> float:
    estimation = Estimation(limits)
    estimation.feed(text)
    return estimation.finish().total_time


@given(text=_texts, piece=st.integers(1, 80))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_finite_times_the_same_by_both_planners(text, piece):
    slow = msgspec.structs.replace(FULL, slowdown=Slowdown("turn", 3.0))
    for limits in (FULL, slow):
        found = estimate_both(text, limits, piece, excluded=frozenset({b"A"}))
        times = [found.total_time, *found.kind_times.values(), *found.sequences]
        assert all(math.isfinite(time) and time >= 0 for time in times)
        if found.num_moves:
            assert found.total_time > 0


@FILES
def test_both_planners_agree_on_sliced_files(path):
    found = estimate_both(path.read_bytes(), FULL)
    assert found.total_time == pytest.approx(sum(found.sequences))


@given(points=_flat, more=_flat)
def test_times_add_up_over_a_stop(points, more):
    first, second = b"M83\n" + moves(points) + b"M400\n", moves(more)
    lead = total(first)
    moved = b"M83\n" + moves(points[-1:]) + b"M400\n"
    assert total(first + second) == pytest.approx(lead + total(moved + second) - total(moved))


@given(points=_flat, factor=st.sampled_from([0.1, 0.5, 0.9]))
@settings(max_examples=200)
def test_slower_feedrates_and_corners_never_give_a_shorter_time(points, factor):
    text = b"M83\n" + moves(points)
    before = total(text)
    slower = [(x, y, e, max(1, int(v * factor))) for x, y, e, v in points]
    assert total(b"M83\n" + moves(slower)) >= before * (1 - 1e-9)
    for field in ("max_velocity", "square_corner_velocity"):
        limits = msgspec.structs.replace(MEASURED, **{field: getattr(MEASURED, field) * factor})
        assert total(text, limits) >= before * (1 - 1e-9)


# Not max_accel: Klipper takes the corners of moves that another limit slows faster for a lower one.
_LIMITS = ("max_velocity", "square_corner_velocity", "max_z_velocity", "max_z_accel")
_OF_EXTRUDERS = ("max_velocity", "max_accel", "instant_corner_velocity")


def slowed(factor: float) -> list[PrinterLimits]:
    """Printers of which one limit each is lower."""
    replace, extruder = msgspec.structs.replace, MEASURED.extruders[0]
    found = [replace(MEASURED, **{name: getattr(MEASURED, name) * factor}) for name in _LIMITS]
    found += [
        replace(
            MEASURED, extruders=(replace(extruder, **{name: getattr(extruder, name) * factor}),)
        )
        for name in _OF_EXTRUDERS
    ]
    ratio = 1.0 - (1.0 - MEASURED.minimum_cruise_ratio) * factor
    return [*found, replace(MEASURED, minimum_cruise_ratio=ratio)]


@given(
    points=_flat,
    heights=st.lists(st.integers(0, 6), min_size=40, max_size=40),
    factor=st.sampled_from([0.1, 0.5, 0.99]),
)
@settings(max_examples=50, deadline=None)
def test_no_lower_limit_gives_a_shorter_time(points, heights, factor):
    lines = moves(points).splitlines()
    text = b"M83\n" + b"".join(
        line + b" Z%d\n" % height for line, height in zip(lines, heights, strict=False)
    )
    before = total(text)
    for limits in slowed(factor):
        assert total(text, limits) >= before * (1 - 1e-9)
    flat = b"M83\n" + moves(points)
    slow = msgspec.structs.replace(MEASURED, max_accel=MEASURED.max_accel * factor)
    assert total(flat, slow) >= total(flat) * (1 - 1e-9)


@given(points=_flat)
def test_a_plan_takes_at_least_its_distance_at_the_highest_speed(points):
    estimation = Estimation(MEASURED)
    estimation.feed(b"M83\n" + moves(points))
    found = estimation.finish()
    if found.max_speed is not None:
        moving = found.total_output_time + found.total_travel_time
        assert moving >= found.total_distance / found.max_speed * (1 - 1e-9)


@given(gaps=st.lists(st.tuples(st.integers(1, 50), st.floats(0.01, 5)), max_size=6000))
@settings(max_examples=20, deadline=None)
def test_the_clock_keeps_few_marks_and_never_runs_backwards(gaps):
    clock, offset, now = PlanClock(), 0, 0.0
    for width, time in gaps:
        offset, now = offset + width, now + time
        clock.add((offset, now))
    assert len(clock.marks) <= MARKS_LIMIT
    read = [seconds_at(clock.marks, now, offset, at) for at in range(0, offset + 1, 97)]
    assert read == sorted(read)
    assert seconds_at(clock.marks, now, offset, offset) == pytest.approx(now, abs=15)


def test_a_long_dwell_belongs_to_its_line():
    lines = [
        "G1 X10 F6000",
        "; a comment",
        "G4 P60000",
        "; another",
        "G1 X0",
        "G1 X600 F600",
        "M400",
    ]
    text = "\n".join(["G1 X1 F6000", *lines, ""]).encode()
    found = estimate_both(text, MEASURED)

    def done(line: str) -> float:
        """When Klipper has read up to the end of a line."""
        position = text.index(line.encode() + b"\n") + len(line) + 1
        return seconds_at(found.marks, found.total_time, len(text), position)

    before = done("; a comment")
    assert before < 1.0
    assert done("G4 P60000") == pytest.approx(before + 60.0, abs=0.5)
    assert done("; another") == pytest.approx(before + 60.0, abs=0.5)
    assert done("G1 X0") < 61.5
    assert done("G1 X600 F600") == pytest.approx(found.total_time, abs=0.01)


@pytest.mark.parametrize("new", [Planner, new_planner])
def test_a_few_long_arcs_do_not_fill_the_memory(new):
    limits = msgspec.structs.replace(MEASURED, arc_mm=0.01, home=(0.0, 0.0, 500.0))
    planner = new(limits)
    # Each chord rises by a layer, and takes seconds.
    segments, marks = planner.feed(b"G18\n" + b"G2 X0 Z500 I100 K0 E9 F1\nG92 E0\n" + b"M400\n")
    assert 1 < len(segments) <= 20_001
    assert 1 < len(marks) <= 20_000
    assert planner.clock > 10_000


def test_a_kernel_that_was_built_from_older_sources_is_not_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "mrk.estimate._kernel", ModuleType("mrk.estimate._kernel"))
    assert kernel() is None
    assert isinstance(new_planner(MEASURED), Planner)


def test_the_kernel_refuses_limits_of_another_version():
    compiled = kernel()
    if compiled is None:
        pytest.skip("there was no compiler")
    with pytest.raises(ValueError, match="packed"):
        compiled.Planner(b"", ())
    planner = new_planner(MEASURED)
    with pytest.raises(TypeError):
        planner.feed("text")
