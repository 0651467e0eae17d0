"""The planner against Klipper's own times, and its rules."""

import json
from pathlib import Path

import msgspec
import pytest

from mrk.estimate.estimate import Estimation
from mrk.estimate.kernel_choice import new_planner
from mrk.estimate.planner import Planner
from mrk.estimate.printer_limits import Extruder, PrinterLimits, Retraction, Slowdown
from mrk.estimate.record import Estimate
from tests.mrk.estimate.both_planners import estimate_both
from tests.mrk.estimate.printers import EXTRUDER, FULL, MEASURED

VECTORS = json.loads((Path(__file__).parents[2] / "data/estimate/klipper_vectors.json").read_text())


def estimate(text: str, limits: PrinterLimits = MEASURED, **options) -> Estimate:
    """By the kernel, if it was built, and in Python: both have to give the same."""
    return estimate_both(text.encode(), limits, **options)


def seconds(text: str, limits: PrinterLimits = MEASURED) -> float:
    """Without the quarter of a second before the first move."""
    return estimate(text, limits).total_time - 0.25


@pytest.mark.parametrize("new", [Planner, new_planner])
def test_every_entry_takes_the_time_that_klipper_gives_it(new):
    planner = new(MEASURED)
    planner.feed(b"G90\nM83\nG1 X10 Y10 Z1 F6000\nM400\n")
    worst = {}
    for entry in VECTORS["entries"]:
        before = planner.clock
        planner.feed("\n".join([*entry["gcode"], "M400", ""]).encode())
        worst[entry["name"]] = abs(planner.clock - before - entry["seconds"])
    assert max(worst.values()) < 2e-5, worst
    assert len(worst) == 42
    assert planner.bad_lines == 0


def test_pieces_of_any_size_give_the_same():
    text = "".join(f"G1 X{i % 7} Y{i % 5} E{i} F3000 ; {'c' * (i % 3)}\n" for i in range(300))
    whole = estimate(text)
    pieces = Estimation(MEASURED)
    for byte in text.encode():
        pieces.feed(bytes([byte]))
    assert pieces.finish() == whole


@pytest.mark.parametrize(
    "end", [b"", b"; a last remark", b"G1 X70", b"G1 X1" + b"1" * 70000, b";" * 70000]
)
@pytest.mark.parametrize("piece", [999, 65536, 200_000, 400_000])
def test_lines_longer_than_any_command_are_left_out(end, piece):
    """Slicers write whole settings as one remark; a command of that length is none."""
    text = b"G90\nM83\nG1 X10 F6000\n"
    text += b";" + b"x" * 70000 + b"\nG1 X20\n"
    text += b"G1 X1" + b"1" * 150_000 + b"\nG1 X30 E1\n"
    text += b"G1 X40 ; " + b"x" * 140_000 + b"\nG1 X50 ;" + b"x" * 60_000 + b"\n\n;\nG1 X60\n"
    found = estimate_both(text + end, MEASURED, piece)
    assert found.num_moves == 5 + (end == b"G1 X70")
    assert found.bad_lines == 2 + end.startswith(b"G1 X1")
    assert found.filament_used == {0: pytest.approx(1.0)}


@pytest.mark.parametrize("piece", [999, 65536, 200_000])
def test_long_lines_count_where_a_print_is_in_its_file(piece):
    text = b"G1 X10 F600\n;" + b"x" * 70000 + b"\nG1 X20\nG1 X" + b"1" * 70000 + b"\nG1 X30\n"
    for new in (Planner, new_planner):
        planner = new(MEASURED, mark_s=0.0)
        marks = []
        for at in range(0, len(text), piece):
            marks += planner.feed(text[at : at + piece])[1]
        marks += planner.finish()[1]
        ends = [
            text.index(line) + len(line) for line in (b"G1 X10 F600\n", b"G1 X20\n", b"G1 X30\n")
        ]
        assert {offset for offset, _ in marks} == {*ends, ends[1] - 1, ends[2] - 1}


def test_a_long_run_without_a_stop_is_planned_in_bounded_pieces():
    # Ever longer moves: the last one could be braked for by all before it.
    text = "".join(f"G1 X{i * 0.001 * (i + 1) / 2:.4f} F60000\n" for i in range(1, 12000))
    found = estimate(text, msgspec.structs.replace(MEASURED, max_velocity=60000, max_accel=1))
    assert found.num_moves == 11999
    assert found.total_time > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("G1 X60 F6000\nG10\nG11\n", 0.7667),
        ("G10\nG10\nG11\nG11\n", 0.1334),
        ("SET_RETRACTION RETRACT_LENGTH=4\nG10\n", 4 / 40 + 40 / 798.25),
        ("G92 X50\nG1 X110 F6000\n", 0.6333),
        ("G91\nG1 X30 F6000\nG1 X30\n", 0.6333),
        ("G1 X60 F3000\nM220 S200\nM220 S100\n", 1.2167),
        ("M220 S50\nG1 X60 F6000\n", 1.2167),
        ("SAVE_GCODE_STATE\nG1 X60 F6000\nRESTORE_GCODE_STATE MOVE=1 MOVE_SPEED=100\n", 1.2667),
        ("SET_GCODE_OFFSET X=60 MOVE=1 MOVE_SPEED=100\nG1 X0 F6000\n", 0.6333),
        ("n5 g1x60f6000*71\n", 0.6333),
        ("M204 P500 T1000\nG1 X50 F6000\n", 0.7),
        ("SET_VELOCITY_LIMIT ACCEL=1000 ACCEL_TO_DECEL=1000\nG1 X12 F18000\n", 0.2191),
        ("G1 X60 F6000\nG4 P500\n", 1.1333),
        ("G18\nG3 X10 Z0 I5 K0 F900\nG17\n", None),
        (";ESTIMATOR_ADD_TIME 5 purge\nG1 X60 F6000\n", 5.6333),
    ],
)
def test_commands(text, expected):
    found = estimate(text, FULL)
    assert found.bad_lines == 0
    if expected is None:
        assert found.num_moves == 15
    else:
        assert found.total_time - 0.25 == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    "line",
    [
        "G1 X1.2.3", "G1 X", "G1 F0", "G1 F-1", "G1 X9999999999", "G1 X-.",
        "G2 X1 Y1 R5", "G2 X1 Y1", "G2 X1 Y1 I0 J0", "G2 X1 I999999999", "G4 P-1", "M204 S0",
        "M204 P5", "M220 S0", "SET_VELOCITY_LIMIT MINIMUM_CRUISE_RATIO=1", "G1 X\0",
        "SET_VELOCITY_LIMIT VELOCITY=inf", "RESTORE_GCODE_STATE NAME=a", "G1 X" + "1" * 70000,
        "SET_RETRACTION RETRACT_SPEED=0", "ACTIVATE_EXTRUDER EXTRUDER=bed", "G92 X-", "G28\0",
    ],
)  # fmt: skip
def test_what_klipper_refuses_is_counted_and_changes_nothing(line):
    before = estimate("G1 X60 F6000\nG1 X0\n", FULL)
    found = estimate(f"G1 X60 F6000\n{line}\nG1 X0\n", FULL)
    assert found.bad_lines + sum(found.commands.values()) == 1
    assert found.total_time == pytest.approx(before.total_time, abs=0.7)
    assert found.num_moves == 2


def test_moves_are_told_apart():
    found = estimate(
        "G1 Z0.2 F600\n;TYPE:WALL-OUTER\nG1 X50 E5 F3000\nG1 E4 F1800\nG1 Z0.6 F600\n"
        "; FEATURE: Infill\nG1 X0 F6000\nG1 Z0.4\nG1 E5 F1800\nG1 X50 E10 F3000\nG4 P1000\n"
    )
    assert set(found.kind_times) == {"Other", "WALL-OUTER", "Infill"}
    assert sum(found.kind_times.values()) == pytest.approx(found.total_time)
    parts = (found.total_output_time, found.total_travel_time, found.total_extrude_only_time)
    assert sum(parts) + found.total_dwell_time == pytest.approx(found.total_time)
    assert found.total_dwell_time == pytest.approx(1.25)
    assert [height for height, _ in found.layer_times] == [0.2, 0.4, 0.6]
    assert [layer[0] for layer in found.layers] == [0.2, 0.4]
    assert found.layers[1][1] == pytest.approx(found.layers[0][1] + found.layers[0][2])
    phases = found.phase_times
    assert phases.acceleration + phases.cruise + phases.deceleration == pytest.approx(sum(parts))
    assert found.max_speed == 100.0
    assert found.total_extrude_distance == pytest.approx(10.0)
    assert found.filament_used == {0: pytest.approx(10.0)}
    assert found.max_flow == pytest.approx(
        5 * MEASURED.extruders[0].filament_area / 1.0166, rel=0.01
    )


def test_waits_begin_sequences_and_are_counted_but_take_no_time():
    found = estimate("M190 S60\nG1 X60 F6000\nM109 S200\nSTART_PRINT A=1\nG1 X0\nG28\n")
    assert [round(time, 3) for time in found.sequences] == [0.883, 0.633]
    assert found.commands == {"M190": 1, "M109": 1, "START_PRINT": 1, "G28": 1}


def test_tools_have_their_own_filament_and_limits():
    slow = Extruder(5.0, 100.0)
    limits = msgspec.structs.replace(MEASURED, extruders=(EXTRUDER, slow))
    found = estimate("M83\nG1 E10 F3000\nT1\nG1 E10 F3000\n", limits)
    assert found.filament_used == {0: 10.0, 1: 10.0}
    assert found.tool_times[1] > 2.0 > found.tool_times[0]


def test_a_fan_that_was_just_switched_is_waited_for():
    base = "M106 S255\nG1 X60 F6000\n"
    assert seconds(base + "M107\nM84\n") == pytest.approx(seconds(base) + 0.1)
    assert seconds(base + "M107\nG1 X0\nM84\n") == pytest.approx(seconds(base + "G1 X0\n"))


def test_excluded_objects_take_no_time():
    text = "M83\nG1 X10 F6000\n" + "".join(
        f"EXCLUDE_OBJECT_START NAME=cube_{i}\nG1 X{20 + i} E1\nG1 X{80 + i} E9 F1200\n"
        f"EXCLUDE_OBJECT_END NAME=cube_{i}\n" for i in range(3)
    )  # fmt: skip
    whole = estimate(text)
    assert set(whole.object_times) == {"CUBE_0", "CUBE_1", "CUBE_2"}
    less = estimate(text, excluded=frozenset({b"CUBE_1"}))
    assert "CUBE_1" not in less.object_times
    assert less.filament_used[0] == pytest.approx(20.0)
    assert less.total_time < whole.total_time - 2
    late = estimate(text, excluded=frozenset({b"CUBE_1"}), excluded_from=len(text))
    assert late == whole
    assert estimate("EXCLUDE_OBJECT NAME=cube_1\n" + text).total_time == less.total_time


@pytest.mark.parametrize(
    ("slowdown", "text", "slower"),
    [
        (Slowdown("radius", 100.0**2, 120.0**2), "G1 X50 F18000\n", 1),
        (Slowdown("radius", 100.0**2, 120.0**2), "G1 X110 F18000\n", 2),
        (Slowdown("radius", 100.0**2, 120.0**2), "G1 X130 F18000\n", 4),
        (Slowdown("x", 100.0**2, 120.0**2), "G1 Y130 F18000\n", 1),
        (Slowdown("x", 100.0**2, 120.0**2), "G1 X130 F18000\n", 4),
        (Slowdown("turn", 3.0), "G1 X50 F1800\n", 1),
        (Slowdown("turn", 3.0), "G1 X25 Y50 F18000\nG1 X-25 F18000\n", 1.5),
    ],
)
def test_kinematics_slow_moves_at_the_rim(slowdown, text, slower):
    plain = msgspec.structs.replace(MEASURED, home=(25.0, 0.0, 0.0))
    slow = msgspec.structs.replace(plain, slowdown=slowdown)
    factor = seconds(text, slow) / seconds(text, plain)
    if slower == 1:
        assert factor == 1
    else:
        assert factor > 1.2


def test_z_limits_of_a_rotary_delta_do_not_grow_with_the_slope():
    flat = msgspec.structs.replace(MEASURED, z_ratio=False)
    text = "G1 X50 Z1 F6000\n"
    assert seconds(text, flat) == pytest.approx(50 / 15, rel=0.01)
    assert seconds(text) < 1


def test_relative_extrusion_is_seen_where_the_file_does_not_say():
    relative = "".join(f"G1 X{i} E{0.1 + 0.01 * (i % 3)} F3000\n" for i in range(1, 30))
    assert estimate(relative).relative_extrusion
    assert estimate(relative).total_extrude_distance == pytest.approx(3.2)
    absolute = "".join(f"G1 X{i} E{0.1 * i} F3000\n" for i in range(1, 30))
    assert not estimate(absolute).relative_extrusion
    assert not estimate("M82\n" + relative).relative_extrusion


def test_without_retraction_in_klipper_its_commands_are_unknown():
    assert estimate("G10\nG11\nG2 X1 Y1 I1 J1\n", PrinterLimits()).commands == {
        "G10": 1, "G11": 1, "G2": 1,
    }  # fmt: skip
    assert Retraction().retract_speed == 20.0


def test_names_and_sequences_are_bounded():
    text = "".join(f";TYPE:k{i}\nG1 X{i % 2} F6000\nCMD_{'x' * i} \nM109 S1\n" for i in range(1500))
    found = estimate(text)
    assert len(found.kind_times) == 199
    assert len(found.sequences) == 1000
    assert len(found.commands) <= 200
    assert max(len(name) for name in found.commands) <= 64
