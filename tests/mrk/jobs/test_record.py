from typing import Any

import msgspec
import pytest

from mrk.jobs.events import JobSnapshot
from mrk.jobs.job_protocols import AuxiliaryValue
from mrk.jobs.print_stats import PrintStats
from mrk.jobs.record import SAME_START_S, amounts, begun, kept_metadata, shown_id


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
        # It would have ended after now: another print, before the machine was switched off.
        (look("complete", 200.0, 600.0), False),
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
    assert msgspec.structs.replace(BEGAN, status=status).goes_on(look("printing", 110, 600)) is may


def test_an_end_that_nobody_saw() -> None:
    done = BEGAN.ended_unseen(look("complete", 60.0, 600.0), now=20_000.0)
    assert (done.status, done.end_time) == ("completed", 10_050.0)
    assert (done.total_duration, done.filament_used) == (60.0, 180.0)
    assert BEGAN.ended_unseen(look("complete", 60.0, 600.0), now=10_020.0).end_time == 10_020.0


def test_figures_of_another_print_are_not_taken() -> None:
    assert BEGAN.with_figures(PrintStats("standby")) == BEGAN
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
