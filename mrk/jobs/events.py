"""What the job state tells the queue, the history and others, in the order it happened.

Published by `nurseries/jobs/job_state.py` through a `Fanout`.
"""

import msgspec

from mrk.jobs.print_stats import STANDBY, JobEvent, PrintStats
from mrk.klippy.state import READY, STARTUP


class JobSnapshot(msgspec.Struct, frozen=True):
    """A snapshot of the printer: its stats, and Klipper's clock (seconds) at that moment.

    Klipper's clock goes on through restarts of Klipper and of mrk, not of the machine. It is
    compared with itself only.
    """

    stats: PrintStats
    eventtime: float
    klippy_state: str = "ready"

    @property
    def is_down(self) -> bool:
        """Whether Klipper has halted: what it shows as under way is lost."""
        return self.klippy_state not in (READY, STARTUP)

    @property
    def is_early(self) -> bool:
        """Whether mrk still sets up its link: Klipper may be ready, or may just start up."""
        return self.klippy_state == STARTUP

    @property
    def is_vague(self) -> bool:
        """Whether it tells nothing: a Klipper that starts up shows no print either."""
        return self.is_early and self.stats.state == STANDBY

    @property
    def start_eventtime(self) -> float:
        """When the print under way began, pauses included in its total duration."""
        return self.eventtime - self.stats.total_duration


class JobSeen(msgspec.Struct, frozen=True):
    """The first snapshot of a printer. What happened before it is unknown.

    `became_ready`: the printer just became ready; else only the job state started anew.
    `missed`: it shows the end of a print that had not begun when the printer was last seen.
    `restarted`: Klipper was seen starting up since the last one: it has forgotten all.
    `starts`: the last start that was noted until then (`Starters.last_number`): what mrk starts
    later begins after it.
    """

    snapshot: JobSnapshot
    became_ready: bool = True
    missed: bool = False
    starts: int = 0
    restarted: bool = False


class JobChanged(msgspec.Struct, frozen=True):
    """Something happened to the job; `previous` and `snapshot` are before and after it."""

    event: JobEvent
    previous: PrintStats
    snapshot: JobSnapshot


class PrinterGone(msgspec.Struct, frozen=True):
    """Klipper is in shutdown or away. `status` is the job status that this means, klippy_shutdown
    or klippy_disconnect; `snapshot` the last one, None when there was none."""

    status: str
    snapshot: JobSnapshot | None


JobStateEvent = JobSeen | JobChanged | PrinterGone
