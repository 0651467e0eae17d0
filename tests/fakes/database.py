"""A database in memory that answers on the spot: for tests with a clock that jumps.

It is `DatabasePort` with real SQL, without the thread. A failure can be set, such as a full disk.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import TypeVar

import trio

from mrk.database.ports import Connection
from mrk.database.schema import Migration, joined
from mrk.errors import ClientError
from nurseries.database.items import Items
from nurseries.database.transaction import transaction

Result = TypeVar("Result")


class MemoryDatabase(Items):
    """Tables of the base schema and of `migrations`. `failure` is raised by every call."""

    def __init__(self, migrations: Iterable[Migration] = ()) -> None:
        self.failure: ClientError | None = None
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for step in joined(migrations):
            for statement in step.statements:
                self._connection.execute(statement)

    async def run(
        self, function: Callable[[Connection], Result], *, durable: bool = False
    ) -> Result:
        """As the real one, after a turn of the event loop."""
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return transaction(function, durable=durable)(self._connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
