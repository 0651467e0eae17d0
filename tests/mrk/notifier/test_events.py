from typing import Any

import pytest

from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.notifier.attachments import MOST_ATTACHMENTS, AttachmentKind, Wanted, wanted_attachments
from mrk.notifier.events import ProgressMarks, RunoutSensors, is_wanted, job_event
from mrk.notifier.message import NotifierEvent, stats_of, with_notes

SWITCH = "filament_switch_sensor runout"


def test_names_of_what_happens_to_jobs():
    assert [job_event(event) for event in JobEvent] == [
        None, "started", "paused", "resumed", "complete", "cancelled", "error",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "wanted", "is_it"),
    [
        ("complete", ["complete"], True),
        ("complete", ["*"], True),
        ("complete", ["completed", "gcode"], False),
        ("shutdown", ["*"], False),
        ("shutdown", ["*", "shutdown"], True),
        ("remote_action", ["*"], False),
    ],
)
def test_who_wants_what(event: str, wanted: list[str], is_it: bool):
    assert is_wanted(event, wanted) is is_it


def test_each_mark_is_told_once_and_of_several_the_highest():
    marks = ProgressMarks([75, 25, 50, 25])
    marks.begin()
    told = [marks.reached(percent) for percent in (0, 24.9, 25, 30, 80, 80, 100)]
    assert told == [None, None, 25, None, 75, None, None]
    marks.begin()
    assert (marks.is_reached(24.9), marks.is_reached(25)) == (False, True)
    assert marks.reached(50) == 50
    assert not marks.is_reached(50)


def test_a_print_that_is_met_on_its_way_tells_what_is_ahead():
    marks = ProgressMarks([25, 50])
    marks.begin(30.5)
    assert [marks.reached(percent) for percent in (31, 50)] == [None, 50]


def test_filament_that_runs_out():
    sensors = RunoutSensors()
    steps: list[tuple[Any, list[str]]] = [
        ({SWITCH: {"filament_detected": False, "enabled": True}}, []),  # unknown before
        ({SWITCH: {"filament_detected": True}}, []),
        ({"extruder": {"filament_detected": False}}, []),
        ({SWITCH: {"filament_detected": False}}, [SWITCH]),
        ({SWITCH: {"filament_detected": False}}, []),
        ({SWITCH: {"filament_detected": True, "enabled": False}}, []),
        ({SWITCH: {"filament_detected": False}}, []),
        ({SWITCH: {"filament_detected": "x"}, "filament_motion_sensor": 5}, []),
    ]
    assert [sensors.take(delta) for delta, _ in steps] == [lost for _, lost in steps]
    sensors.forget()
    assert sensors.take({SWITCH: {"filament_detected": False, "enabled": True}}) == []


def test_attachments():
    text = " snapshot \nsnapshot bed cam\n\nthumbnail\nHTTP://x/y.png\n~/a b.png\nsnapshots"
    assert wanted_attachments(text) == [
        Wanted(AttachmentKind.SNAPSHOT),
        Wanted(AttachmentKind.SNAPSHOT, "bed cam"),
        Wanted(AttachmentKind.THUMBNAIL),
        Wanted(AttachmentKind.ADDRESS, "HTTP://x/y.png"),
        Wanted(AttachmentKind.PATH, "~/a b.png"),
        Wanted(AttachmentKind.PATH, "snapshots"),
    ]
    assert len(wanted_attachments("snapshot\n" * 100)) == MOST_ATTACHMENTS


def test_what_templates_see():
    stats = stats_of(PrintStats("paused", "a.gcode", message="x"), {"total_layer": 7, "more": 1})
    assert stats == {
        "state": "paused", "filename": "a.gcode", "total_duration": 0.0, "print_duration": 0.0,
        "filament_used": 0.0, "message": "x", "info": {"total_layer": 7, "current_layer": None},
    }  # fmt: skip
    assert stats_of(PrintStats(), None)["info"] == {"total_layer": None, "current_layer": None}
    assert NotifierEvent("remote_action", message="hi").context() == {
        "event_name": "remote_action", "event_args": [], "event_message": "hi",
    }  # fmt: skip


def test_notes_stand_below_the_text():
    assert with_notes("done", [], "text") == "done"
    assert with_notes("done", ["no snapshot"], "text") == "done\n\n(no snapshot)"
    assert with_notes("<b>done</b>", ["x", "y"], "html") == "<b>done</b><br>(x)<br>(y)"
