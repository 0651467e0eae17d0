"""What the virtual printer really printed, past everything that mrk sees of it."""

from dataclasses import dataclass
from typing import Any

import pytest

from mrk.virtual_printer.klippy import Klippy
from mrk.virtual_printer.objects.print_stats import PrintStatsObject

BEAT_S = 0.25


@dataclass
class Printed:
    """One print; times by Klipper's clock. `forgotten` is when Klipper showed it no more.

    `was_dropped`: as it ended itself.
    """

    filename: str
    began: float
    end: str = "in_progress"
    ended: float = float("inf")
    forgotten: float = float("inf")
    was_dropped: bool = False

    @property
    def was_shown(self) -> bool:
        """Whether Klipper reported it at all, as far as anybody can be sure."""
        return self.forgotten - self.began > BEAT_S

    @property
    def end_was_shown(self) -> bool:
        return self.forgotten - self.ended > BEAT_S


def watch_prints(monkeypatch: pytest.MonkeyPatch) -> list[Printed]:
    """All prints from now on, in order."""
    prints: list[Printed] = []
    begin, end, reset = (
        PrintStatsObject.note_start,
        PrintStatsObject.note_end,
        PrintStatsObject.reset,
    )
    shutdown, leave = Klippy.shutdown, Klippy._exit

    def note_start(self: Any) -> None:
        if self._started_at is None:
            prints.append(Printed(self.filename, self._reactor.now))
        begin(self)

    def over(self: Any, status: str) -> None:
        if self._started_at is not None and prints[-1].end == "in_progress":
            prints[-1].end, prints[-1].ended = status, self._reactor.now

    def note_end(self: Any, state: str, message: str = "") -> None:
        over(self, {"complete": "completed"}.get(state, state))
        end(self, state, message)

    def note_reset(self: Any) -> None:
        if hasattr(self, "_started_at"):
            over(self, "cancelled")
            forget(self._reactor.now)
        reset(self)

    def forget(now: float) -> None:
        if prints:
            prints[-1].forgotten = min(prints[-1].forgotten, now)

    def note_shutdown(self: Any, reason: str) -> None:
        over(self._machine.sdcard._print_stats, "klippy_shutdown")
        if prints and prints[-1].ended < self._reactor.now:
            forget(self._reactor.now)
        shutdown(self, reason)

    def note_exit(self: Any, kind: str) -> None:
        over(self._machine.sdcard._print_stats, "klippy_disconnect")
        if prints and prints[-1].forgotten > self._reactor.now:
            prints[-1].was_dropped = True
        forget(self._reactor.now)
        leave(self, kind)

    for owner, name, function in (
        (PrintStatsObject, "note_start", note_start),
        (PrintStatsObject, "note_end", note_end),
        (PrintStatsObject, "reset", note_reset),
        (Klippy, "shutdown", note_shutdown),
        (Klippy, "_exit", note_exit),
    ):
        monkeypatch.setattr(owner, name, function)
    return prints
