"""Starts of prints that are awaited, kept for the next generation of mrk.

A print may be asked for, begin and end while mrk ends and begins: then only the start tells that it
was mrk's. Run by `History`, whose row of a print takes its start away in the same transaction.
"""

import logging
from functools import partial

import trio

from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError
from mrk.jobs.starters import Starters
from mrk.log.throttle import LogThrottle
from nurseries.jobs import history_store

logger = logging.getLogger(__name__)
# A slow card takes some 0.1 s; the whole shutdown has 2 s.
LAST_WRITE_S = 0.5


class StoredStarts:
    """`serve` stores nothing before `restore`, which does something once."""

    def __init__(self, starters: Starters, database: TablesPort) -> None:
        self._starters = starters
        self._database = database
        self._throttle = LogThrottle()
        self._restored = trio.Event()
        self._changed = trio.Event()
        starters.on_change = self._on_change

    def _on_change(self) -> None:
        self._changed.set()

    async def restore(self) -> None:
        """Await what the generation before awaited. Raises `ClientError`."""
        if not self._restored.is_set():
            earlier = await self._database.run(history_store.read_starts)
            self._starters.restore(earlier)
            self._restored.set()

    async def serve(self) -> None:
        """Store what changes; ends when cancelled, with what changed last."""
        try:
            await self._restored.wait()
            while True:
                await self._changed.wait()
                await self._store()
        finally:
            with trio.move_on_after(LAST_WRITE_S, shield=True):
                if self._changed.is_set():
                    await self._store()

    async def _store(self) -> None:
        """What cannot be stored is awaited as long as this generation lasts."""
        self._changed = trio.Event()
        # Not durable: a power cut takes the printer with it. As it is now: calls run in order.
        restored = self._restored.is_set()
        keep = history_store.keep_starts if restored else history_store.add_starts
        write = partial(keep, awaited=self._starters.awaited)
        try:
            await self._database.run(write)
        except trio.Cancelled:
            self._changed.set()
            raise
        except ClientError as exc:
            text = f"history: a start of a print is not stored: {exc.message}"
            self._throttle.log(logger, text, trio.current_time())
