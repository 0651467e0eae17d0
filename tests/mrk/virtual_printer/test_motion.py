"""Where the toolhead goes and how long it takes."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrk.virtual_printer.objects.planner import MotionLimits, Move, plan_moves
from mrk.virtual_printer.objects.toolhead import Toolhead
from mrk.virtual_printer.reactor import Reactor

POINTS = st.lists(
    st.tuples(*[st.floats(0, 200).map(lambda value: round(value, 2))] * 4),
    min_size=2,
    max_size=30,
)


def moves_through(points, speed=100.0):
    limits = MotionLimits()
    moves = []
    for start, end in itertools.pairwise(points):
        move = Move(limits, start, end, speed)
        if move.length_mm:
            if moves:
                move.join(moves[-1], limits)
            moves.append(move)
    return moves


def test_a_long_move_takes_the_time_of_its_trapezoid():
    (move,) = moves_through([(0.0, 0.0, 0.0, 0.0), (100.0, 0.0, 0.0, 0.0)])
    plan_moves([move], 0.0)
    # 1.667 mm to reach 100 mm/s at 3000 mm/s^2 and as much to stop.
    assert move.duration_s == pytest.approx(100 / 100 + 100 / 3000)
    assert move.cruise_v == 100.0


def test_a_short_move_never_reaches_its_speed():
    (move,) = moves_through([(0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)], 300.0)
    plan_moves([move], 0.0)
    assert move.cruise_v == pytest.approx(math.sqrt(3000.0))
    assert move.duration_s == pytest.approx(2 * math.sqrt(1 / 3000))


def test_z_is_slower_than_x():
    (move,) = moves_through([(0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 10.0, 0.0)])
    plan_moves([move], 0.0)
    assert move.cruise_v == pytest.approx(15.0)
    assert move.accel == pytest.approx(100.0)


def test_a_right_angle_is_taken_at_square_corner_velocity():
    points = [(0.0, 0.0, 0.0, 0.0), (50.0, 0.0, 0.0, 0.0), (50.0, 50.0, 0.0, 0.0)]
    first, second = moves_through(points)
    plan_moves([first, second], 0.0)
    assert first.end_v == pytest.approx(5.0)
    assert second.start_v == first.end_v


def test_a_straight_line_in_pieces_does_not_slow_down():
    points = [(float(x), 0.0, 0.0, 0.0) for x in range(0, 101, 10)]
    moves = moves_through(points)
    plan_moves(moves, 0.0)
    assert sum(move.duration_s for move in moves) == pytest.approx(1 + 100 / 3000)


@given(POINTS)
@settings(max_examples=60, deadline=None)
def test_speeds_join_and_stay_within_limits(points):
    moves = moves_through(points)
    if not moves:
        return
    plan_moves(moves, 0.0)
    assert moves[0].start_v == 0.0
    assert moves[-1].end_v == pytest.approx(0.0, abs=1e-6)
    for before, after in itertools.pairwise(moves):
        assert after.start_v == pytest.approx(before.end_v, abs=1e-6)
    for move in moves:
        assert min(move.accel_s, move.cruise_s, move.decel_s) >= -1e-9
        assert move.cruise_v <= math.sqrt(move.peak_v2) + 1e-6
        place, _speed = move.at(move.duration_s)
        assert place == pytest.approx(move.end, abs=1e-4)


@given(POINTS)
@settings(max_examples=40, deadline=None)
def test_the_toolhead_passes_every_point_in_order_of_time(points):
    reactor = Reactor(10.0)
    toolhead = Toolhead(reactor, MotionLimits())
    toolhead.set_position(points[0])
    for point in points[1:]:
        toolhead.move(point, 80.0)
    toolhead.flush()
    ends = [move.end for move in toolhead.history]
    times = [move.start_time for move in toolhead.history]
    assert times == sorted(times)
    assert ends == [b for a, b in itertools.pairwise(points) if a != b]
    eventtime = 10.0 + toolhead.print_time + 0.001
    assert toolhead.live(eventtime)[0] == toolhead.position


def test_live_position_follows_the_move(bench):
    bench.script("G28")
    bench.run(2.0)
    bench.script("G1 X100 F6000")
    seen = []
    for _ in range(30):
        bench.run(0.05)
        seen.append(bench.status("motion_report")["live_position"][0])
    assert seen == sorted(seen)
    assert seen[0] < 20.0
    assert seen[-1] == 100.0
    assert bench.status("motion_report")["live_velocity"] == 0.0


def test_homing_takes_the_way_there_and_ends_on_the_endstops(bench):
    bench.hardware.carriages = [100.0, 0.0, 0.0]
    assert set(bench.call("query_endstops/status")["result"].values()) == {"open", "TRIGGERED"}
    began = bench.now
    bench.script("G28 X")
    # 100 mm at 50 mm/s, 5 mm back, 5 mm at 25 mm/s.
    assert bench.now - began == pytest.approx(2.0 + 0.1 + 0.2 + 0.25, abs=0.15)
    bench.script("G28")
    assert bench.status("toolhead")["homed_axes"] == "xyz"
    assert set(bench.call("query_endstops/status")["result"].values()) == {"TRIGGERED"}
    bench.script("M84")
    assert bench.status("toolhead")["homed_axes"] == ""


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("G1 X10", "Must home axis first: 10.000 0.000 0.000 [0.000]"),
        ("G28\nG1 X235.001", "Move out of range: 235.001 0.000 0.000 [0.000]"),
        ("G28\nG1 Z-2.001", "Move out of range: 0.000 0.000 -2.001 [0.000]"),
        ("G28\nG1 E1", "Extrude below minimum temp\n"
         "See the 'min_extrude_temp' config option for details"),
        ("G28\nG1 X1 F0", "Invalid speed in 'G1 X1 F0'"),
        ("G28\nG1 Xabc", "Unable to parse move 'G1 Xabc'"),
        ("G28\nG1 X1000000000", "Unable to parse move 'G1 X1000000000'"),
        ("G28\nG1 Enan", "Unable to parse move 'G1 Enan'"),
        ("G20", "Machine does not support G20 (inches) command"),
    ],
)  # fmt: skip
def test_moves_that_are_refused(bench, script, message):
    assert bench.script(script)["error"]["message"] == message


def test_moves_at_the_edge_are_not_refused(bench):
    assert "result" in bench.script("G28\nG1 X235 Y235 Z-2 F6000\nG1 X0 Y0 Z0")


def test_a_refused_move_leaves_the_position(bench):
    bench.script("G28\nG1 X50 F6000")
    bench.script("G1 X9999")
    assert bench.status("gcode_move")["position"][0] == 50.0
    bench.script("G91\nG1 X1\nG90")
    assert bench.status("toolhead")["position"][0] == 51.0


def test_offsets_states_and_factors(bench):
    bench.script("G28\nG1 X50 F6000\nSET_GCODE_OFFSET X=5 MOVE=1\nSAVE_GCODE_STATE NAME=a")
    assert bench.status("toolhead")["position"][0] == 55.0
    assert bench.status("gcode_move")["gcode_position"][0] == 50.0
    bench.script("G92 X0\nM220 S50\nG1 X10 F6000\nRESTORE_GCODE_STATE NAME=a MOVE=1")
    assert bench.status("toolhead")["position"][0] == 55.0
    assert bench.status("gcode_move")["speed_factor"] == pytest.approx(1.0)
    error = bench.script("RESTORE_GCODE_STATE NAME=b")["error"]
    assert error["message"] == "Unknown g-code state: b"


@pytest.mark.parametrize("script", ["M220 S0", "M221 S0", "M220 S-1"])
def test_factors_must_be_above_zero(bench, script):
    assert "must be above 0.0" in bench.script(script)["error"]["message"]


def test_the_smallest_factors_and_speeds_do_no_harm(bench):
    script = "G28\nM220 S0.000000001\nM221 S0.000000001\nG1 X1 F0.000000001"
    assert "result" in bench.script(script)
    assert bench.status("gcode_move")["speed_factor"] > 0.0


def test_an_arc_ends_where_it_should_and_takes_its_way(bench):
    bench.script("G28\nG1 X100 Y100 F6000\nM400")
    began = bench.now
    bench.script("G2 X120 Y100 I10 J0 F600\nM400")
    assert bench.now - began == pytest.approx(math.pi * 10 / 10, rel=0.2)
    assert bench.status("toolhead")["position"][:2] == pytest.approx([120.0, 100.0])


def test_g4_and_m400_wait(bench):
    bench.script("G28\nM400")
    began = bench.now
    bench.script("G4 P3000\nM400")
    assert bench.now - began == pytest.approx(3.25, abs=0.1)


def test_limits_can_be_changed(bench):
    bench.listen()
    bench.script("SET_VELOCITY_LIMIT VELOCITY=50 ACCEL=500\nM204 P400 T600")
    status = bench.status("toolhead")
    assert (status["max_velocity"], status["max_accel"]) == (50.0, 400.0)
    assert bench.said()[0].startswith("// max_velocity: 50.000000\n// max_accel: 500.000000\n")


def test_the_streams_tell_every_move(bench):
    for path, name in (("dump_trapq", "toolhead"), ("dump_stepper", "stepper_x")):
        bench.call(f"motion_report/{path}", {"name": name, "response_template": {"method": path}})
    bench.hardware.carriages = [0.0, 0.0, 0.0]
    bench.script("G28")
    bench.run(2.0)
    bench.heard.clear()
    bench.script("G1 X100 F6000\nM400")
    bench.run(1.0)
    by_path = {
        message["method"]: message["params"] for _c, message in bench.heard if "method" in message
    }
    rows = by_path["dump_trapq"]["data"]
    assert [row[3] for row in rows] == [3000.0, 0.0, -3000.0]
    assert rows[0][4:] == [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert sum(row[1] for row in by_path["dump_stepper"]["data"]) == 100 / 0.05
    error = bench.call("motion_report/dump_trapq", {"name": "nobody"})["error"]
    assert error["message"] == "The value 'nobody' is not valid for name"
