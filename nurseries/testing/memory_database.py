"""A database in memory that answers on the spot: for tests with a clock that jumps.

It is `DatabasePort` with real SQL, without the thread, and without a file that could be copied.
A failure can be set, such as a full disk.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import trio

from mrk.api.endpoint import Endpoint
from mrk.database.database_protocols import SqlConnection
from mrk.database.namespaces import ReservedNamespaces
from mrk.database.schema import Migration, joined
from mrk.errors import ClientError
from nurseries.database.client_writes import ClientWrites
from nurseries.database.endpoints import DatabaseEndpoints
from nurseries.database.items import Items
from nurseries.database.opening import DatabaseLocation
from nurseries.database.transaction import transaction

Result = TypeVar("Result")


class MemoryDatabase(Items):
    """Tables of the base schema and of `migrations`. `failure` is raised by every call,
    `write_failure` by every call that changes something, as a full disk does."""

    def __init__(self, migrations: Iterable[Migration] = ()) -> None:
        self.failure: ClientError | None = None
        self.write_failure: ClientError | None = None
        self.warnings: list[str] = []
        steps = joined(migrations)
        self._place = DatabaseLocation(Path("/nowhere"), Path("/nowhere"), steps)
        self._writes = ClientWrites()
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for step in steps:
            for statement in step.statements:
                self._connection.execute(statement)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask; what concerns files is refused."""
        reserved, writes = ReservedNamespaces(), self._writes
        clients = DatabaseEndpoints(
            self, self._place, reserved, writes, False, lambda: False, lambda: None
        )
        return clients.endpoints()

    def on_client_write(self, namespace: str, read_again: Callable[[], Awaitable[None]]) -> None:
        """`ClientWritesPort.on_client_write`."""
        self._writes.on_client_write(namespace, read_again)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Nothing runs; closed at the end."""
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self.close()

    async def run(
        self, function: Callable[[SqlConnection], Result], *, durable: bool = False
    ) -> Result:
        """As the real one, after a turn of the event loop."""
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return transaction(self._unless_full(function), durable=durable)(self._connection)

    def _unless_full(self, function: Callable[[SqlConnection], Result]) -> Callable[..., Result]:
        def run(connection: sqlite3.Connection) -> Result:
            before = connection.total_changes
            result = function(connection)
            if self.write_failure is not None and connection.total_changes != before:
                raise self.write_failure
            return result

        return run

    async def run_long(
        self, function: Callable[[sqlite3.Connection, Callable[[], None]], Result]
    ) -> Result:
        """There is no file to compact or to copy."""
        await trio.lowlevel.checkpoint()
        raise ClientError("this database is in memory", 503)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
