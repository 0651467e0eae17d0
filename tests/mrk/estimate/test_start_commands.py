"""What files begin with: start macros and waits, as far as the first extrusion."""

import pytest

from mrk.estimate.start_commands import LOOKED_AT_BYTES, StartCommands
from mrk.estimate.start_watch import StartWatch
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot, PrinterGone
from mrk.jobs.print_stats import JobEvent, PrintStats


def look(text: bytes, piece: int = 65536) -> StartCommands:
    found = StartCommands()
    for at in range(0, len(text), piece):
        found.feed(text[at : at + piece])
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"START_PRINT BED=60 EXTRUDER=210\nG1 X1 E1\nEND_PRINT\n", ["START_PRINT"]),
        (b"print_start bed=70\nG1 E1\n", ["PRINT_START"]),
        (b"M104 S200\nM190 S60\nM109 S200\nG28\nG29\nG1 X1 E.5\n", ["M190", "M109", "G28", "G29"]),
        (b"G28\nG28 Z\nG1 X1\nG1 E-2\nPURGE\nG1 E2\nLATER\n", ["G28", "PURGE"]),
        (b"SET_VELOCITY_LIMIT ACCEL=1\nEXCLUDE_OBJECT_DEFINE NAME=A\nM73 P0\nG1 E1\n", []),
        (b"; START_PRINT\n  start_2 ; PURGE\nN5 G28*33\nG1 X1 E1\n", ["START_2", "G28"]),
        (b"START\nG1 X1 Enan\nG1 X1 E\nG1 E0\nG1X1E1\nLATER\n", ["START"]),
        (b"\0\xff\n\0START\nG28\nG2 X1 I1 E1\nLATER\n", ["G28"]),
        (b"START\n;" + b"x" * 200_000 + b"\nG28\nG1 E1\n", ["START", "G28"]),
        (b"START\nFOO " + b"x" * 200_000 + b"\nG28\nG1 E1\n", ["START", "G28"]),
        (b"".join(b"M_%d\n" % number for number in range(20)), [f"M_{n}" for n in range(8)]),
        (b"", []),
    ],
)
@pytest.mark.parametrize("piece", [7, 65536])
def test_names_of_what_takes_its_time(text, names, piece):
    found = look(text, piece)
    assert found.names == names


def test_the_first_extrusion_is_where_its_line_ends():
    text = b"START\nG1 X1\nG1 X2 E1\nG1 X3 E1\n"
    assert look(text).first_extrusion == text.index(b"G1 X3")
    assert look(text, 1).first_extrusion == text.index(b"G1 X3")
    assert look(b"START\nG1 X1\n").first_extrusion is None


@pytest.mark.parametrize("piece", [7, 1000, 65536, 1_000_000])
def test_long_lines_shift_nothing_and_hide_nothing_behind_them(piece):
    polygon = b"EXCLUDE_OBJECT_DEFINE NAME=a POLYGON=" + b"[1,1]," * 40_000
    text = polygon + b" G1 E1\nSTART\n" + polygon + b"\nG1 X2 E1\nG1 X3 E1\n"
    found = look(text, piece)
    assert found.first_extrusion == text.index(b"G1 X3")
    assert found.names == ["START"]


def test_no_more_is_looked_at_than_pictures_take():
    found = look(
        b"; " + b"x" * 98 + b"\nG1 X1\n" + b"G1 X2\n" * (LOOKED_AT_BYTES // 6) + b"LATER\n"
    )
    assert found.is_done
    assert found.names == []


PRINTING = {"filename": "a", "state": "printing"}


def change(watch: StartWatch, event: JobEvent, **stats):
    after = PrintStats(**{"filename": "a", "state": "printing", **stats})
    return watch.take(JobChanged(event, after, JobSnapshot(after, 1.0)))


@pytest.mark.parametrize("end", [JobEvent.COMPLETED, JobEvent.CANCELLED, JobEvent.STANDBY])
def test_a_print_that_was_seen_from_start_to_end(end):
    watch = StartWatch()
    change(watch, JobEvent.STARTED)
    seen = change(watch, end, total_duration=90.0, print_duration=30.0)
    assert seen is not None
    assert (seen.filename, seen.seconds) == ("a", 60.0)
    assert change(watch, end, total_duration=90.0, print_duration=30.0) is None


def test_what_was_not_seen_from_its_start_tells_nothing():
    watch = StartWatch()
    under_way = PrintStats("printing", "a", 100.0, 20.0)
    watch.take(JobSeen(JobSnapshot(under_way, 1.0)))
    assert change(watch, JobEvent.COMPLETED, total_duration=110.0, print_duration=30.0) is None
    watch.take(JobSeen(JobSnapshot(PrintStats("printing", "a", 40.0, 0.0), 1.0)))
    assert change(watch, JobEvent.COMPLETED, total_duration=110.0, print_duration=30.0) is not None
    change(watch, JobEvent.STARTED)
    watch.take(PrinterGone("klippy_shutdown", None))
    assert change(watch, JobEvent.COMPLETED, total_duration=110.0, print_duration=30.0) is None
    change(watch, JobEvent.STARTED)
    change(watch, JobEvent.PAUSED, total_duration=20.0)
    change(watch, JobEvent.RESUMED)
    assert change(watch, JobEvent.COMPLETED, total_duration=110.0, print_duration=30.0) is None
    change(watch, JobEvent.STARTED)
    assert change(watch, JobEvent.CANCELLED, total_duration=50.0) is None
