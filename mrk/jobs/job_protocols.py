"""What jobs need of others, and offer to them; the root hands over who does it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from mrk.fanout import EventReader
from mrk.jobs.events import JobSnapshot, JobStateEvent
from mrk.jobs.print_stats import PrintStats


class JobFiles(Protocol):
    """What is in the gcodes root, from memory where it is known, else from the disk by a thread.

    Paths are relative to it.
    """

    async def exists(self, path: str) -> bool:
        """Whether there is such a file."""


class PrintedFiles(JobFiles, Protocol):
    """What the history shows of files."""

    async def modified(self, paths: Sequence[str]) -> list[float | None]:
        """When each file was changed (Unix seconds); None when there is no such file."""


class JobMetadata(Protocol):
    """Metadata of g-code files, for the history. Paths are relative to the gcodes root."""

    def get(self, path: str) -> Mapping[str, Any] | None:
        """The stored record of a file; None when there is none."""

    async def extruded_mm(
        self, path: str, known: Mapping[str, Any], until: int | None = None
    ) -> float | None:
        """Filament in mm that the moves of a file ask for in its first `until` bytes, or in all.

        None when it cannot be read, or is another file by now than the one with the metadata
        `known`. Takes minutes for the largest files.
        """

    async def note_print(self, path: str, print_start_time: float, job_id: str) -> None:
        """Remember with the file when it was printed last, and as which job."""


class PastPrints(Protocol):
    """What the history knows of prints that have ended."""

    async def waits(self, filename: str, limit: int) -> list[float]:
        """Of the last completed prints of a file, the seconds that were no printing, oldest first.

        That is from the start to the first filament, and all pauses. Raises `ClientError`.
        """


class JobStatePort(Protocol):
    """What the printer prints."""

    @property
    def snapshot(self) -> JobSnapshot | None:
        """The newest snapshot of the printer; None while nothing is known."""

    @property
    def is_active(self) -> bool:
        """Whether a print is known to be under way, paused or not."""

    @property
    def is_busy(self) -> bool:
        """The same, or the printer took a start that it has not shown yet: 0.25 s.

        For whoever would end the print by what he does.
        """

    @property
    def was_active(self) -> bool | None:
        """The same of when the printer was seen last; None when it was not seen yet."""

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[JobStateEvent]:
        """Events from now on; use it in a `with` block."""

    async def query(self) -> PrintStats | None:
        """Ask the printer now; None when it is not ready or does not say."""

    async def file_position(self) -> int | None:
        """Ask the printer how far into the loaded file it is, in bytes; None when unknown."""


class QueueNews(Protocol):
    """What the job queue tells siblings."""

    def on_emptied(self, told: Callable[[], None]) -> None:
        """Have `told()` called when the print of the last queued job has completed."""

    def on_jobs_added(self, handler: Callable[[], None]) -> None:
        """Have `handler()` called when jobs were queued: it switches the printer on.

        A print that is wanted at once then waits in the queue for a printer that is off.
        """


class PrintStarts(Protocol):
    """Told who asked for a print, before the printer is asked."""

    @property
    def is_any_awaited(self) -> bool:
        """Whether a print was asked for that was not seen to begin: it may even have ended."""

    def note_start(self, filename: str, user: str | None) -> int:
        """`filename` as `print_stats` will name it; the number names this start."""

    def accept_start(self, number: int) -> None:
        """The printer took it."""

    def forget_start(self, number: int) -> None:
        """The printer refused."""


class AuxiliaryValue(msgspec.Struct, frozen=True):
    """One auxiliary field of a job. `value` is any JSON value; a number for the two reports,
    which say whether totals keep its sum and its largest value."""

    provider: str
    name: str
    value: Any
    description: str = ""
    units: str | None = None
    report_total: bool = False
    report_maximum: bool = False


class AuxiliaryProvider(Protocol):
    """A part that adds fields to jobs: a sensor, the spool tracker. All calls are immediate."""

    def begin_job(self) -> None:
        """A job starts: forget what was tracked."""

    def resume_job(self, fields: Sequence[Mapping[str, Any]]) -> None:
        """A job goes on that was stored before mrk was away: all its fields as stored, of which
        each provider takes its own by `provider` and `name`."""

    def values(self) -> Sequence[AuxiliaryValue]:
        """The fields as they are now."""
