"""Time left on the virtual printer, whose clock is an argument: no machine's load is in it."""

from importlib.resources import files

import pytest

from mrk.estimate.estimate import Estimation
from mrk.estimate.klipper_settings import limits_of
from mrk.estimate.print_position import QUESTION, read_position
from mrk.estimate.start_watch import StartSeen, StartWatch
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot
from mrk.jobs.print_stats import PrintStats, changes
from mrk.virtual_printer.demo_printer import DEMO_PRINTER
from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.klippy import KlippySettings
from tests.mrk.virtual_printer.conftest import Bench

CUBE = files("mrk.virtual_printer").joinpath("calibration_cube.gcode").read_bytes()
START = MacroSource("PRINT_START", "G28\nG4 P30000\n", "Begin")


def begin_print(text: bytes) -> Bench:
    bench = Bench(KlippySettings(model=DEMO_PRINTER, macros=(START,)))
    bench.heat()
    bench.folder.files["a.gcode"] = text
    bench.send("gcode/script", {"script": 'SDCARD_PRINT_FILE FILENAME="a.gcode"'})
    return bench


def stats_of(bench: Bench) -> PrintStats:
    return PrintStats().merged(bench.status("print_stats"))


def test_time_left_in_the_middle_of_a_print_is_right():
    bench = begin_print(CUBE)
    settings = bench.status("configfile")["settings"]
    estimation = Estimation(limits_of(settings))
    estimation.feed(CUBE)
    plan = estimation.finish()
    looks = []
    while (stats := stats_of(bench)).state != "complete":
        position = read_position(bench.call("objects/query", QUESTION)["result"])
        done = position.seconds_done(plan.marks, plan.total_time, len(CUBE))
        looks.append((bench.now, plan.total_time - done, stats.print_duration))
        bench.run(1.0)
    first = next(now for now, _, printed in looks if printed > 0)
    for share in (0.2, 0.35, 0.5, 0.65, 0.8):
        at = first + (bench.now - first) * share
        now, left, _ = min(looks, key=lambda look: abs(look[0] - at))
        assert left == pytest.approx(bench.now - now, rel=0.01)


def test_how_long_a_print_takes_to_begin_is_seen_in_its_figures():
    bench = begin_print(CUBE)
    watch = StartWatch()
    before = stats_of(bench)
    assert watch.take(JobSeen(JobSnapshot(before, 1.0))) is None
    found = first = paused_at = None
    began = bench.now
    while found is None:
        bench.run(0.25)
        after = stats_of(bench)
        for event in changes(before, after):
            found = watch.take(JobChanged(event, before, JobSnapshot(after, 1.0))) or found
        if first is None and after.print_duration > 0:
            first = bench.now - began
        if after.print_duration > 60 and paused_at is None:
            paused_at = bench.now
            bench.send("gcode/script", {"script": "PAUSE"})
        elif after.state == "paused" and bench.now > paused_at + 500.0:
            bench.send("gcode/script", {"script": "RESUME"})
            bench.run(1.0)
        before = after
    assert first is not None
    assert first > 30
    assert found == StartSeen("a.gcode", pytest.approx(first, abs=0.6))
