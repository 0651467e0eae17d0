"""One client's turn on the event loop.

A chunk of 64 KB can hold a thousand requests or ten thousand pings; whoever works through it asks
here after each, so that every other client is served meanwhile.
"""

import time

import trio

TURN_S = 0.001


class TimeSlice:
    """Says when others should run. Measured in real time: it bounds work, not waiting."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = 0.0

    def begin(self) -> None:
        """A new turn starts now (the task has just been scheduled)."""
        self._ends = time.perf_counter() + TURN_S

    @property
    def over(self) -> bool:
        """Whether the turn has lasted its millisecond."""
        return time.perf_counter() > self._ends

    async def rest(self) -> None:
        """Let every other task run once, then begin anew."""
        await trio.lowlevel.checkpoint()
        self.begin()
