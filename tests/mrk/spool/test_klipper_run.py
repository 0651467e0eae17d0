"""Which run of Klipper it is."""

import pytest

from mrk.spool.klipper_run import KlipperRun, RunLook, compare, look_at

BEFORE = RunLook(1000.0, 5, 900.0, "a.gcode", 50.0, 950.0)
IDLE = RunLook(1000.0, 5, 900.0)


def printing(eventtime, total_s, filename="a.gcode", mcu_began=900.0):
    return RunLook(eventtime, 5, mcu_began, filename, total_s, eventtime - total_s)


@pytest.mark.parametrize(
    ("before", "now", "begun", "grown", "run"),
    [
        # Seen to start, another process, a computer that was started anew.
        (BEFORE, printing(1010.0, 60.0), True, True, KlipperRun.NEW),
        (BEFORE, RunLook(1010.0, 6, 900.0), False, True, KlipperRun.NEW),
        (BEFORE, RunLook(10.0, 5, 5.0), False, True, KlipperRun.NEW),
        # The print goes on, or has ended.
        (BEFORE, printing(1010.0, 60.0), False, False, KlipperRun.SAME),
        (BEFORE, RunLook(2000.0, 5, 900.0, "a.gcode", 300.0), False, False, KlipperRun.SAME),
        # The same file from its start, in a run whose microcontroller was reset.
        (BEFORE, printing(1100.0, 40.0, mcu_began=1040.0), False, False, KlipperRun.NEW),
        (BEFORE, RunLook(1100.0, 5, 1040.0), False, True, KlipperRun.NEW),
        # Without a print, by the microcontroller's clock and the extruder's place.
        (IDLE, RunLook(1100.0, 5, 900.1), False, True, KlipperRun.SAME),
        (IDLE, RunLook(1100.0, 5, 900.1), False, False, KlipperRun.UNKNOWN),
        (IDLE, RunLook(1100.0, 5, 1050.0), False, True, KlipperRun.NEW),
        (IDLE, RunLook(87400.0, 5, 905.0), False, True, KlipperRun.SAME),
        (IDLE, RunLook(1100.0, 5, None), False, True, KlipperRun.UNKNOWN),
    ],
)
def test_compare(before, now, begun, grown, run):
    assert compare(before, now, begun, grown) is run


def test_look_at_what_klipper_says():
    status = {
        "toolhead": {"estimated_print_time": 100.0},
        "print_stats": {"filename": "a", "total_duration": 30.0, "state": "paused"},
    }
    look = look_at({"process_id": 7}, status, 1000.0)
    assert look == RunLook(1000.0, 7, 900.0, "a", 30.0, 970.0)
    assert look_at({"process_id": "x"}, {}, 5.0) == RunLook(5.0)
