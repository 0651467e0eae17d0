"""Faults of the links to clients: which are in force, and until when.

Kept by the service, so that an ordered fault outlasts a restart of Klippy; asked by each run.
"""

import itertools
from collections.abc import Iterator

import trio

from mrk.virtual_printer.faults import Fault, FaultKind

JUNK = (
    b"{junk",
    b"\xff\xfe\x00\x01",
    b"[]",
    b"null",
    b'"text"',
    b'{"id": 987654321, "result": {}}',
    b'{"method": 5, "params": []}',
    b"[" * 2000,
)


class LinkFaults:
    """Each kind with the real time at which it ends."""

    def __init__(self) -> None:
        self._until = dict.fromkeys(FaultKind, 0.0)
        self._delay_s = 0.0
        self._junk: Iterator[bytes] = itertools.cycle(JUNK)

    def begin(self, fault: Fault) -> None:
        """From now on, for the fault's time."""
        self._until[fault.kind] = trio.current_time() + fault.seconds
        if fault.kind is FaultKind.SLOW_REPLIES:
            self._delay_s = fault.delay_s

    @property
    def is_dropped(self) -> bool:
        """Whether connections are refused."""
        return self._in_force(FaultKind.DROP_LINK)

    @property
    def reply_delay_s(self) -> float:
        """How much later than usual a reply comes."""
        return self._delay_s if self._in_force(FaultKind.SLOW_REPLIES) else 0.0

    @property
    def silent_until(self) -> float | None:
        """When silence ends, or None."""
        in_force = self._in_force(FaultKind.SILENCE)
        return self._until[FaultKind.SILENCE] if in_force else None

    def junk(self) -> bytes | None:
        """The nonsense to send before the next frame, or None."""
        return next(self._junk) if self._in_force(FaultKind.JUNK_FRAMES) else None

    def _in_force(self, kind: FaultKind) -> bool:
        return trio.current_time() < self._until[kind]
