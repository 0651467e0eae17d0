"""Who plans files, and who knows the times; the root hands over who does it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from mrk.errors import MrkError
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate
from mrk.files.file_protocols import FileFollower
from mrk.files.records import modified_of


class EstimateFailed(MrkError):
    """A file could not be planned; says why. `may_pass`: another try may succeed."""

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


class Excluded(msgspec.Struct, frozen=True):
    """Objects that are not printed any more, by Klipper's names, behind a byte of the file."""

    names: tuple[str, ...] = ()
    behind: int = 0


class FileEstimate(msgspec.Struct, frozen=True):
    """The plan of the file that had this size and time when it was read."""

    estimate: Estimate
    size_bytes: int
    mtime_ns: int

    @property
    def modified(self) -> float:
        """Unix seconds, as `os.stat` gives them."""
        return modified_of(self.mtime_ns)


class TimedFile(msgspec.Struct, frozen=True):
    """What a file was before its times were written: hash (SHA-256), size and time.

    `written` is the plan of what it is now.
    """

    sha256: str
    size_bytes: int
    mtime_ns: int
    written: FileEstimate


class Estimator(Protocol):
    """Plans files, one at a time, where it disturbs nobody."""

    async def estimate(
        self, path: Path, limits: PrinterLimits, limit_s: float, excluded: Excluded = ...
    ) -> FileEstimate:
        """Raises `EstimateFailed`."""

    async def write_times(
        self, source: Path, target: Path, limits: PrinterLimits, limit_s: float
    ) -> TimedFile:
        """Write a file with its times into the new file `target`; raises `EstimateFailed`."""


# Of a file that is printed and a byte of it: seconds left, None where nothing is planned.
TimeLeft = Callable[[str, int], float | None]


def time_left_of(planned: "PlannedFiles | None") -> TimeLeft:
    """What is known when it is asked: files are planned by whoever is built later."""

    def time_left(path: str, position: int) -> float | None:
        times = None if planned is None else planned.times
        return None if times is None else times.time_left(path, position)

    return time_left


class FileTimes(Protocol):
    """Times of files in the gcodes root, from memory."""

    def estimated_time(self, path: str, size_bytes: int, modified: float) -> float | None:
        """Seconds that Klipper plans for a file as it is; None, and it is planned soon."""

    def trouble(self, path: str, size_bytes: int, modified: float) -> str | None:
        """Why a file has no time, or what is not in it."""

    def start_duration(self, path: str) -> float | None:
        """Seconds to the first extrusion that no plan has, learned from prints that began alike."""

    def time_left(self, path: str, position: int) -> float | None:
        """Seconds of the plan behind a byte of the file that is printed; None while not known."""


class PlannedFiles(Protocol):
    """Files that can be planned, and that show their times."""

    followers: list[FileFollower]

    @property
    def times(self) -> FileTimes | None:
        """What is shown; None where nothing plans files."""

    @property
    def estimator(self) -> Estimator: ...

    def show_times(self, times: FileTimes) -> None:
        """Let metadata show what `times` knows."""
