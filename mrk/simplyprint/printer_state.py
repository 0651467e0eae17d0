"""The printer's state in the cloud's words. Pure."""

import enum

from mrk.jobs.print_stats import PAUSED, PRINTING

OPERATIONAL, OFFLINE, ERROR = "operational", "offline", "error"


class JobWish(enum.StrEnum):
    """What was asked of the printer and has not come true yet."""

    PAUSING = "pausing"
    RESUMING = "resuming"
    CANCELLING = "cancelling"


_WHILE = {
    JobWish.PAUSING: (PRINTING,),
    JobWish.RESUMING: (PAUSED,),
    JobWish.CANCELLING: (PRINTING, PAUSED),
}


def printer_state(klippy_state: str, job_state: str, wish: JobWish | None = None) -> str:
    """`job_state` is that of `print_stats`."""
    if klippy_state in ("error", "shutdown"):
        return ERROR
    if klippy_state != "ready":
        return OFFLINE
    if wish is not None and job_state in _WHILE[wish]:
        return wish.value
    return job_state if job_state in (PRINTING, PAUSED) else OPERATIONAL
