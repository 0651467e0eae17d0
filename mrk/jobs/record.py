"""One job as the history keeps it: how it begins, ends, goes on after an absence, and counts.

Pure; `nurseries/jobs/history.py` stores what comes of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mrk.jobs.events import JobSnapshot
from mrk.jobs.job_protocols import AuxiliaryValue
from mrk.jobs.print_stats import JobEvent, PrintStats

NO_USER = "No User"
IN_PROGRESS = "in_progress"
INTERRUPTED = "interrupted"
SERVER_EXIT = "server_exit"
KLIPPY_SHUTDOWN = "klippy_shutdown"
# What a job that still goes on may have been called while mrk could not see it.
MAY_GO_ON = frozenset({IN_PROGRESS, INTERRUPTED, SERVER_EXIT, "klippy_disconnect"})
END_STATUS = {
    "complete": "completed",
    "cancelled": "cancelled",
    "error": "error",
}
EVENT_STATUS = {
    JobEvent.COMPLETED: "completed",
    JobEvent.CANCELLED: "cancelled",
    JobEvent.STANDBY: "cancelled",
    JobEvent.ERROR: "error",
}
# Klipper's durations and its clock are of one moment; what is left is rounding and, between two
# objects of one push, the time to collect them.
SAME_START_S = 2.0
# Stored durations are rounded to a tenth of that.
SAME_DURATION_S = 1e-5
_NOT_KEPT = frozenset({"filename", "print_start_time", "job_id"})
# SQLite writes 15 digits of a number: Unix times to 0.1 ms, durations to microseconds.
_TIME_DIGITS = 4
_FIGURE_DIGITS = 6


# A clock that is kept in time moves by less; one that is set, by hours or years.
CLOCK_SET_S = 60.0


class Job(msgspec.Struct, frozen=True):
    """A row of the history. `job_id` is 0 until it is stored; times are Unix seconds.

    `start_eventtime` is when it began by Klipper's clock, which tells one print of a file from
    another. `auxiliary_data` are the fields as shown.
    """

    filename: str
    start_time: float
    start_eventtime: float
    job_id: int = 0
    user: str = NO_USER
    status: str = IN_PROGRESS
    end_time: float | None = None
    print_duration: float = 0.0
    total_duration: float = 0.0
    filament_used: float = 0.0
    metadata: Mapping[str, Any] = {}
    auxiliary_data: Sequence[Mapping[str, Any]] = ()

    @property
    def text_id(self) -> str:
        """As clients see it."""
        return shown_id(self.job_id)

    def with_figures(self, stats: PrintStats) -> "Job":
        """With durations and filament of `stats`, unless these are of another print by now."""
        if stats.filename != self.filename or stats.total_duration < self.total_duration:
            return self
        return msgspec.structs.replace(
            self,
            print_duration=_rounded(stats.print_duration),
            total_duration=_rounded(stats.total_duration),
            filament_used=_rounded(stats.filament_used),
        )

    def start_by(self, start: float) -> float | None:
        """The start (Unix time) by a clock that was set meanwhile; None when it was not."""
        start = round(start, _TIME_DIGITS)
        return None if abs(start - self.start_time) < CLOCK_SET_S else start

    def ended(self, status: str, now: float) -> "Job":
        """Ended at `now`."""
        return msgspec.structs.replace(self, status=status, end_time=round(now, _TIME_DIGITS))

    def ended_unseen(self, snapshot: JobSnapshot, now: float) -> "Job":
        """Ended while mrk or the link was away; Klipper still tells how and how long it took."""
        done = self.with_figures(snapshot.stats)
        end = min(now, done.start_time + done.total_duration)
        return done.ended(END_STATUS[snapshot.stats.state], end)

    def with_filament(self, used_mm: float) -> "Job":
        """With what the file's own moves ask for; macros may have used more, and been counted."""
        shown = shown_auxiliary((filament_source(FILAMENT_FROM_FILE),))[0]
        auxiliary = [
            shown if (field.get("provider"), field.get("name")) == ("history", "filament_source")
            else field
            for field in self.auxiliary_data
        ]  # fmt: skip
        used = max(self.filament_used, _rounded(used_mm))
        return msgspec.structs.replace(self, filament_used=used, auxiliary_data=auxiliary)

    def is_shown_ended(self, snapshot: JobSnapshot) -> bool:
        """Whether the printer shows the end of this very print, as it was recorded."""
        stats = snapshot.stats
        return stats.filename == self.filename and (
            abs(stats.total_duration - self.total_duration) < SAME_DURATION_S
        )

    def is_shown_active(self, snapshot: JobSnapshot) -> bool:
        """Whether the printer shows this very print under way, if only because it has halted."""
        return (
            snapshot.stats.is_active
            and snapshot.stats.filename == self.filename
            and (abs(snapshot.start_eventtime - self.start_eventtime) <= SAME_START_S)
        )

    def goes_on(self, snapshot: JobSnapshot) -> bool:
        """Whether the printer shows this very print, under way or ended."""
        stats = snapshot.stats
        if self.status not in MAY_GO_ON or stats.filename != self.filename:
            return False
        # Stored figures are rounded.
        if stats.total_duration < self.total_duration - SAME_START_S:
            return False
        if stats.is_active:
            return self.is_shown_active(snapshot)
        ended_at = self.start_eventtime + stats.total_duration
        return stats.state in END_STATUS and ended_at <= snapshot.eventtime + SAME_START_S


def begun(snapshot: JobSnapshot, user: str | None, now: float) -> Job:
    """The job that the printer has begun; its start is reckoned back by Klipper's duration."""
    start = round(now - snapshot.stats.total_duration, _TIME_DIGITS)
    job = Job(snapshot.stats.filename, start, snapshot.start_eventtime, user=user or NO_USER)
    return job.with_figures(snapshot.stats)


def shown_id(job_id: int) -> str:
    """Upper-case hexadecimal, at least 6 digits."""
    return f"{job_id:06X}"


def kept_metadata(record: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a job keeps of its file's metadata."""
    return {name: value for name, value in (record or {}).items() if name not in _NOT_KEPT}


def shown_auxiliary(values: Sequence[AuxiliaryValue]) -> list[dict[str, Any]]:
    """Auxiliary fields as clients see them."""
    return [
        {
            "provider": value.provider,
            "name": value.name,
            "value": value.value,
            "description": value.description,
            "units": value.units,
        }
        for value in values
    ]


FILAMENT_INCOMPLETE = "incomplete"
FILAMENT_FROM_FILE = "file"
_FILAMENT_SOURCE = "Source of filament_used: Klipper counts only while it is asked"


def filament_source(source: str) -> AuxiliaryValue:
    """Marks a job whose end nobody saw: `filament_used` is too low, or taken from the file."""
    return AuxiliaryValue("history", "filament_source", source, _FILAMENT_SOURCE)


class Amount(msgspec.Struct, frozen=True):
    """What one job adds to a row of the totals; None where it adds nothing."""

    provider: str
    field: str
    maximum: float | None
    total: float | None


def amounts(job: Job, auxiliary: Sequence[AuxiliaryValue]) -> Iterator[Amount]:
    """What a job adds to the totals."""
    for name, figure in (
        ("total_jobs", 1.0),
        ("total_time", job.total_duration),
        ("total_print_time", job.print_duration),
        ("total_filament_used", job.filament_used),
    ):
        yield Amount("history", name, None, figure)
    yield Amount("history", "longest_job", job.total_duration, None)
    yield Amount("history", "longest_print", job.print_duration, None)
    for value in auxiliary:
        number = value.value
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        if value.report_total or value.report_maximum:
            maximum = float(number) if value.report_maximum else None
            total = float(number) if value.report_total else None
            yield Amount(value.provider, value.name, maximum, total)


def zeros(auxiliary: Sequence[AuxiliaryValue]) -> list[Amount]:
    """The rows of the totals of fields that report any, before a job added to them."""
    return [
        Amount(
            value.provider,
            value.name,
            0.0 if value.report_maximum else None,
            0.0 if value.report_total else None,
        )
        for value in auxiliary
        if (value.report_maximum or value.report_total) and not isinstance(value.value, list)
    ]


def _rounded(figure: float) -> float:
    return round(figure, _FIGURE_DIGITS)
