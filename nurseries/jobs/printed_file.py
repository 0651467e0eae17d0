"""Which file is being printed, for the file manager: it must not change under the printer.

Owns no task, and no state beyond what it is given.
"""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mrk.jobs.job_protocols import JobStatePort
from mrk.jobs.print_stats import PrintStats
from mrk.jobs.starters import Starters

# Klipper tells of a print at its next status beat, 0.25 s after the start was acknowledged; a slow
# host takes a few of them.
START_SEEN_S = 2.0


class SeenStarts(Starters):
    """Starters that also tell whether the printer has said anything since a start was asked for."""

    def __init__(self, job_state: JobStatePort) -> None:
        super().__init__()
        self._job_state = job_state
        self._stats_before: PrintStats | None = None

    def note_start(self, filename: str, user: str | None) -> int:
        """As `Starters`; remembers what was known before."""
        self._stats_before = self._stats()
        return super().note_start(filename, user)

    @property
    def unseen(self) -> bool:
        """Whether the last start still has to show in `print_stats`."""
        return self._stats() == self._stats_before

    def _stats(self) -> PrintStats | None:
        # Not the snapshot: one that was taken meanwhile may still show what was before.
        snapshot = self._job_state.snapshot
        return None if snapshot is None else snapshot.stats


class PrintedFile:
    """Implements `InUse`: the file of a print that is under way, and the folders it lies in.

    `started_within(seconds)` names the file whose start was acknowledged so lately.
    """

    def __init__(
        self,
        job_state: JobStatePort,
        starts: SeenStarts,
        started_within: Callable[[float], str | None],
        gcodes: Path,
    ) -> None:
        self._job_state = job_state
        self._starts = starts
        self._started_within = started_within
        # The file manager asks with real paths, and gcodes is often a link.
        # `Path.resolve` raises for a link that leads to itself.
        self._gcodes = Path(os.path.realpath(gcodes))

    @property
    def is_starting(self) -> bool:
        """Whether the printer took a start that it has not shown yet."""
        return self._starting is not None

    @property
    def _starting(self) -> str | None:
        return self._started_within(START_SEEN_S) if self._starts.unseen else None

    def is_in_use(self, path: PurePosixPath) -> bool:
        """Whether `path` (absolute, without links) is being printed, or holds what is."""
        names = [self._starting]
        snapshot = self._job_state.snapshot
        if snapshot is not None and snapshot.stats.is_active:
            names.append(snapshot.stats.filename)
        files = [PurePosixPath(self._gcodes / name) for name in names if name]
        return any(path == file or path in file.parents for file in files)
