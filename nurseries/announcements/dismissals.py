"""Dismissed entries, and their return when the time of the dismissal has come.

`run` is a task of the subsystem, and ends when cancelled.
"""

from collections.abc import Callable

import msgspec
import trio

from mrk.clients.registry import Clients
from mrk.errors import ClientError
from nurseries.announcements.stored_entries import StoredEntries

# The clock may have been set meanwhile: a machine without one starts in 1970.
LONGEST_NAP_S = 600.0


class EntryId(msgspec.Struct, frozen=True):
    """Names one entry."""

    entry_id: str


class Dismissals:
    """Dismisses entries, and wakes them."""

    def __init__(
        self, state: StoredEntries, clients: Clients, wall_clock: Callable[[], float]
    ) -> None:
        self._state = state
        self._clients = clients
        self._wall_clock = wall_clock
        self._dismissed = trio.Event()

    async def dismiss(self, entry_id: str, wake_time: int | None) -> EntryId:
        """Raises `ClientError` 400 for an unknown entry, or a time that is none."""
        known = await self._state.load(self._wall_clock())
        changes = known.entries.dismiss(entry_id, wake_time, self._wall_clock())
        answer = EntryId(entry_id)
        if changes:
            await self._state.store(changes)
            self._dismissed.set()
            self._clients.broadcast_behind_answer("notify_announcement_dismissed", [answer])
        return answer

    async def run(self) -> None:
        """End each dismissal when its time has come."""
        while True:
            self._dismissed = trio.Event()
            try:
                known = await self._state.load(self._wall_clock())
            except ClientError:
                await trio.sleep(LONGEST_NAP_S)
                continue
            woken, changes = known.entries.wake(self._wall_clock())
            await self._state.keep(changes)
            for entry_id in woken:
                self._clients.broadcast("notify_announcement_wake", [EntryId(entry_id)])
            due = known.entries.next_wake()
            if due is None:
                await self._dismissed.wait()
                continue
            nap_s = max(0.0, due - self._wall_clock())
            with trio.move_on_after(min(nap_s, LONGEST_NAP_S)):
                await self._dismissed.wait()
