"""Whether a print refuses that a device is switched."""

import trio

from mrk.jobs.job_protocols import JobStatePort
from mrk.jobs.print_stats import PAUSED, PRINTING
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.power.restart_wish import RestartStep, restart_step
from mrk.power.state_machine import PowerMachine

# Klipper answers at once; one that stands still is believed to be what it was.
ANSWER_S = 1.0


class PrintLock:
    """Asks the printer itself: it tells of a print with its next beat, 0.25 s after the start."""

    def __init__(self, klippy: KlippyPort, job_state: JobStatePort) -> None:
        self._klippy = klippy
        self._job_state = job_state

    @property
    def is_unknown(self) -> bool:
        """Whether Klipper may print all the same, and will say so in a moment.

        Its socket can break, and mrk begin anew, while it goes on printing.
        """
        if restart_step(self._klippy.klippy_state) is not RestartStep.WAIT:
            return False
        seen = self._job_state.was_active
        return self._klippy.klippy_connected if seen is None else seen

    async def locks(self, machine: PowerMachine) -> bool:
        """Whether the print under way refuses a switch."""
        if self._klippy.klippy_state != "ready":
            return False
        stats = None
        with trio.move_on_after(ANSWER_S):
            stats = await self._job_state.query()
        if stats is None and (shown := self._job_state.snapshot) is not None:
            stats = shown.stats
        if stats is None:
            return False
        return machine.is_locked(printing=stats.state == PRINTING, paused=stats.state == PAUSED)
