"""Keeps the book in the database: read once, written whole by what has changed.

Owns no task; who calls it owns the moment. Values are absolute, so that a write that may or may not
have happened is simply made again.
"""

import trio

from mrk.database.database_protocols import DatabasePort
from mrk.spool.assignments import SpoolAssignments
from nurseries.spoolman import choice_store, ledger_store

# How much use a power cut may take while Spoolman is away; a report is on the disk before it goes.
DURABLE_EACH_S = 60.0


class AssignmentStore:
    """All calls raise `ClientError` when the database cannot (a full disk)."""

    def __init__(self, database: DatabasePort, book: SpoolAssignments) -> None:
        self._database = database
        self._book = book
        self._loading = trio.Lock()
        self._saving = trio.Lock()
        self._durable_at = -DURABLE_EACH_S
        self.loaded = False
        # The user's choice of spools differs from what was stored last.
        self.choice_changed = False

    @property
    def is_behind(self) -> bool:
        """Whether something is not stored yet."""
        return self.choice_changed or self._book.moved or bool(self._book.ledger.changed)

    async def load(self) -> None:
        """Read what was stored, the first time."""
        async with self._loading:
            if self.loaded:
                return
            choice = await choice_store.read(self._database)
            stored = await self._database.run(ledger_store.read)
            self._book.active, self._book.tool_spools = choice.spool_id, choice.tool_spools
            ledger_store.fill(self._book, stored)
            self.loaded = True

    async def store(self) -> None:
        """Write what is not stored yet."""
        if self.choice_changed:
            await self._save_choice()
        if self._book.moved or self._book.ledger.changed:
            await self.save(trio.current_time() - self._durable_at >= DURABLE_EACH_S)

    async def save(self, durable: bool) -> None:
        """Write the book as it is now; `durable`: a power cut does not take it."""
        book = self._book
        async with self._saving:
            snapshot = ledger_store.take_snapshot(book)
            written, book.ledger.changed = book.ledger.changed, set()
            moved, book.moved = book.moved, False
            try:
                await self._database.run(
                    lambda connection: ledger_store.write(connection, snapshot), durable=durable
                )
            except BaseException:
                book.ledger.changed |= written
                book.moved = book.moved or moved
                raise
            if durable:
                self._durable_at = trio.current_time()

    async def _save_choice(self) -> None:
        self.choice_changed = False
        try:
            await choice_store.write(self._database, self._book.active, self._book.tool_spools)
        except BaseException:
            self.choice_changed = True
            raise
