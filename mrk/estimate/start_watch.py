"""How long a print takes until its first extrusion, from what happens to the job. Pure.

Klipper's `print_duration` begins with the first filament: what `total_duration` has more, before
the first pause, is the wait for it. A print that was not seen from its start tells nothing.
"""

import msgspec

from mrk.jobs.events import JobChanged, JobSeen, JobStateEvent, PrinterGone
from mrk.jobs.print_stats import JobEvent, PrintStats

_ENDS = frozenset({JobEvent.COMPLETED, JobEvent.CANCELLED, JobEvent.ERROR, JobEvent.STANDBY})


class StartSeen(msgspec.Struct, frozen=True):
    """A print has ended; its first filament came `seconds` after its start."""

    filename: str
    seconds: float


class StartWatch:
    """Follows one print after the other."""

    def __init__(self) -> None:
        self._is_followed = False
        self._seconds: float | None = None

    def take(self, event: JobStateEvent) -> StartSeen | None:
        """What an event tells: at the end of a print, how it began."""
        match event:
            case JobSeen(snapshot):
                # Of one that extrudes already nobody knows how long it was paused before.
                stats = snapshot.stats
                self._begin(stats.is_active and not stats.print_duration)
            case PrinterGone():
                self._begin(False)
            case JobChanged(JobEvent.STARTED):
                self._begin(True)
            case JobChanged(JobEvent.PAUSED, _, snapshot):
                self._look(snapshot.stats)
            case JobChanged(kind, previous, snapshot) if kind in _ENDS:
                # Standby has forgotten the print's figures.
                return self._end(previous if kind is JobEvent.STANDBY else snapshot.stats)
        return None

    def _begin(self, is_followed: bool) -> None:
        self._is_followed = is_followed
        self._seconds = None

    def _look(self, stats: PrintStats) -> None:
        """Before the first pause is over; a pause before the first filament hides it."""
        if self._seconds is not None or not self._is_followed:
            return
        if stats.print_duration <= 0.0:
            self._is_followed = False
            return
        self._seconds = max(0.0, stats.total_duration - stats.print_duration)

    def _end(self, stats: PrintStats) -> StartSeen | None:
        self._look(stats)
        seconds = self._seconds if self._is_followed else None
        self._begin(False)
        return None if seconds is None else StartSeen(stats.filename, seconds)
