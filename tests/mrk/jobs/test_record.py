from typing import Any

import msgspec
import pytest

from mrk.jobs.events import JobSnapshot
from mrk.jobs.job_protocols import AuxiliaryValue
from mrk.jobs.print_stats import PrintStats
from mrk.jobs.record import (
    SAME_START_S,
    Amount,
    amounts,
    begun,
    filament_source,
    kept_metadata,
    shown_auxiliary,
    shown_id,
    zeros,
)


def look(state: str, total: float, at: float, filename: str = "a.gcode") -> JobSnapshot:
    return JobSnapshot(PrintStats(state, filename, total, total / 2, total * 3), at)


BEGAN = begun(look("printing", 10.0, at=500.0), "ann", now=10_000.0)


def test_a_job_begins_when_klipper_says() -> None:
    assert (BEGAN.start_time, BEGAN.start_eventtime, BEGAN.user) == (9990.0, 490.0, "ann")
    assert BEGAN.total_duration == 10.0
    assert begun(look("printing", 0.0, 5.0), None, 1.0).user == "No User"


@pytest.mark.parametrize(
    ("seen", "same"),
    [
        (look("printing", 110.0, 600.0), True),
        (look("paused", 110.0 + SAME_START_S, 600.0), True),
        (look("paused", 110.1 + SAME_START_S, 600.0), False),
        (look("printing", 109.9 - SAME_START_S, 600.0), False),
        (look("printing", 110.0, 600.0, "b.gcode"), False),
        (look("printing", 5.0, 495.0), False),
        (look("complete", 60.0, 600.0), True),
        (look("error", 60.0, 600.0), True),
        (look("complete", 60.0, 600.0, "b.gcode"), False),
        # It would have ended after now: another print, before the machine was switched off.
        (look("complete", 110.0 + SAME_START_S, 600.0), True),
        (look("complete", 110.1 + SAME_START_S, 600.0), False),
        (look("cancelled", 10.0 - SAME_START_S, 600.0), True),
        (look("cancelled", 9.9 - SAME_START_S, 600.0), False),
        (look("forked", 60.0, 600.0), False),
        (look("complete", 5.0, 600.0), False),
        (look("standby", 0.0, 600.0, ""), False),
    ],
)
def test_the_same_print_is_known_by_klippers_durations(seen: JobSnapshot, same: bool) -> None:
    assert BEGAN.goes_on(seen) is same


@pytest.mark.parametrize(
    ("status", "may"),
    [
        ("in_progress", True),
        ("interrupted", True),
        ("server_exit", True),
        ("klippy_disconnect", True),
        ("klippy_shutdown", False),
        ("completed", False),
        ("cancelled", False),
    ],
)
def test_what_has_ended_for_good_does_not_go_on(status: str, may: bool) -> None:
    job = msgspec.structs.replace(BEGAN, status=status)
    assert job.goes_on(look("printing", 110, 600)) is may
    # A Klipper that has halted shows it all the same.
    assert job.is_shown_active(look("paused", 110, 600))
    assert not job.is_shown_active(look("complete", 110, 600))


def test_an_end_that_nobody_saw() -> None:
    done = BEGAN.ended_unseen(look("complete", 60.0, 600.0), now=20_000.0)
    assert (done.status, done.end_time) == ("completed", 10_050.0)
    assert (done.total_duration, done.filament_used) == (60.0, 180.0)
    assert BEGAN.ended_unseen(look("complete", 60.0, 600.0), now=10_020.0).end_time == 10_020.0
    for state in ("cancelled", "error"):
        assert BEGAN.ended_unseen(look(state, 60.0, 600.0), now=20_000.0).status == state


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (look("complete", 10.0, 600.0), True),
        (look("complete", 10.000_009, 600.0), True),
        (look("complete", 10.000_02, 600.0), False),
        (look("complete", 10.0, 600.0, "b.gcode"), False),
    ],
)
def test_the_end_of_this_very_print(seen: JobSnapshot, shown: bool) -> None:
    assert BEGAN.is_shown_ended(seen) is shown


@pytest.mark.parametrize(
    ("start", "moved"),
    [
        (9990.0, None),
        (10_049.9, None),
        (9930.1, None),
        (10_050.0, 10_050.0),
        (1_700_000_000.123_46, 1_700_000_000.1235),
        (0.0, 0.0),
    ],
)
def test_a_clock_that_was_set(start: float, moved: float | None) -> None:
    assert BEGAN.start_by(start) == moved


def test_filament_that_the_file_asks_for() -> None:
    marks = shown_auxiliary([AuxiliaryValue("history", "x", 1), filament_source("incomplete")])
    job = msgspec.structs.replace(BEGAN, filament_used=5.0, auxiliary_data=marks)
    mended = job.with_filament(7.123_456_7)
    assert mended.filament_used == 7.123457
    assert [field["value"] for field in mended.auxiliary_data] == [1, "file"]
    assert job.with_filament(4.0).filament_used == 5.0


def test_auxiliary_fields_as_clients_see_them() -> None:
    value = AuxiliaryValue("sensor x", "power", 1.5, "Power drawn", "W", report_total=True)
    assert shown_auxiliary([value]) == [
        {
            "provider": "sensor x",
            "name": "power",
            "value": 1.5,
            "description": "Power drawn",
            "units": "W",
        }
    ]


def test_figures_of_another_print_are_not_taken() -> None:
    assert BEGAN.with_figures(PrintStats("standby")) == BEGAN
    assert BEGAN.with_figures(PrintStats("printing", "b.gcode", 99.0)) == BEGAN
    assert BEGAN.with_figures(PrintStats("printing", "a.gcode", 9.0)) == BEGAN
    assert BEGAN.with_figures(PrintStats("printing", "a.gcode", 10.0)).print_duration == 0.0


def test_ids_and_metadata() -> None:
    assert [shown_id(n) for n in (1, 255, 0x1234567)] == ["000001", "0000FF", "1234567"]
    record = {"size": 1, "filename": "x", "print_start_time": 2, "job_id": "000001"}
    assert kept_metadata(record) == {"size": 1}
    assert kept_metadata(None) == {}


@pytest.mark.parametrize("value", ["text", None, True, [1]])
def test_only_numbers_count(value: Any) -> None:
    def added(number: Any, **reports: Any) -> list[tuple[float | None, float | None]]:
        field = AuxiliaryValue("sensor x", "power", number, **reports)
        found = [a for a in amounts(BEGAN, [field]) if a.provider != "history"]
        return [(amount.maximum, amount.total) for amount in found]

    assert added(value, report_total=True, report_maximum=True) == []
    assert added(1.5) == []
    assert added(1.5, report_total=True) == [(None, 1.5)]
    assert added(2, report_maximum=True, report_total=True) == [(2.0, 2.0)]
    assert added(3, report_maximum=True) == [(3.0, None)]


def test_what_a_job_adds_to_the_totals() -> None:
    assert list(amounts(BEGAN, [])) == [
        Amount("history", "total_jobs", None, 1.0),
        Amount("history", "total_time", None, 10.0),
        Amount("history", "total_print_time", None, 5.0),
        Amount("history", "total_filament_used", None, 30.0),
        Amount("history", "longest_job", 10.0, None),
        Amount("history", "longest_print", 5.0, None),
    ]


def test_totals_before_the_first_job() -> None:
    fields = [
        AuxiliaryValue("s", "neither", 1),
        AuxiliaryValue("s", "total", 1, report_total=True),
        AuxiliaryValue("s", "maximum", None, report_maximum=True),
        AuxiliaryValue("s", "list", [1], report_maximum=True),
    ]
    assert zeros(fields) == [Amount("s", "total", None, 0.0), Amount("s", "maximum", 0.0, None)]
