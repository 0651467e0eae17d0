"""The database subsystem: one SQLite file, and the thread that alone touches it.

`serve` runs the thread and makes the daily copy; the file is closed when it ends. Everybody
else is nested inside, so that nobody outlives the database. Handlers of clients' requests stand
in `endpoints.py`.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import trio

from mrk.api.endpoint import Endpoint
from mrk.database.database_protocols import SqlConnection
from mrk.database.namespaces import ReservedNamespaces
from mrk.database.schema import Migration, joined
from mrk.errors import ClientError
from nurseries.database import damaged_records, store
from nurseries.database.client_writes import ClientWrites
from nurseries.database.copies import make_daily
from nurseries.database.endpoints import DatabaseEndpoints
from nurseries.database.items import Items
from nurseries.database.opening import DatabaseLocation, Unwritable, open_database
from nurseries.database.thread import DatabaseThread, closed
from nurseries.database.transaction import long_call, transaction

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
# The first copy waits until the start is over; then each hour it is looked whether one is due.
FIRST_COPY_S = 120.0
COPY_LOOK_S = 3600.0


class Database(Items):
    """Namespaces and tables of one data folder.

    `folder` holds the file and the daily copies, `backups` the copies that clients ask for.
    `protected` and `forbidden` name namespaces beyond the usual ones that clients may not write
    or not see. `instance_id` is shown to clients. `is_printing` and `request_restart` come from
    the root; `warnings` are texts for the user, complete once `serve` has started.
    """

    def __init__(
        self,
        folder: Path,
        backups: Path,
        *,
        migrations: Iterable[Migration] = (),
        protected: Collection[str] = (),
        forbidden: Collection[str] = (),
        debug: bool = False,
        instance_id: str = "",
        is_printing: Callable[[], bool] = lambda: False,
        request_restart: Callable[[], None] = lambda: None,
        first_copy_s: float = FIRST_COPY_S,
    ) -> None:
        self._place = DatabaseLocation(folder, backups, joined(migrations))
        self._reserved = ReservedNamespaces(protected, forbidden)
        self._instance_id = instance_id
        self._first_copy_s = first_copy_s
        self._worker: DatabaseThread | None = None
        self._is_persistent = True
        self._writes = ClientWrites()
        self._clients = DatabaseEndpoints(
            self, self._place, self._reserved, self._writes, debug, is_printing, request_restart
        )

    @property
    def warnings(self) -> list[str]:
        """What the user should read: a damaged file, and what took its place."""
        return self._place.warnings

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return self._clients.endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the file is open, checked and migrated.

        Raises `MrkError` (in a group) when it cannot be opened.
        """
        worker = DatabaseThread(self._open)
        async with trio.open_nursery() as nursery:
            await nursery.start(worker.serve, name="database worker")
            self._worker = worker
            if self._is_persistent:
                nursery.start_soon(self._copy_daily, name="daily copy")
            task_status.started()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(open_database(self._place))
            except Unwritable as exc:
                # Imported here: few daemons need it.
                from nurseries.database.memory_copy import open_in_memory

                connection = stack.enter_context(open_in_memory(self._place, str(exc)))
                self._is_persistent = False
            folder = self._place.folder if self._is_persistent else None
            damaged_records.set_aside(connection, folder, self.warnings)
            transaction(lambda c: store.read_reserved(c, self._reserved))(connection)
            self._show_instance(connection)
            yield connection

    def _show_instance(self, connection: sqlite3.Connection) -> None:
        if not self._instance_id:
            return
        try:
            transaction(lambda c: store.note_instance(c, self._instance_id))(connection)
        except ClientError as exc:
            logger.warning("clients do not find the id of this installation: %s", exc.message)

    async def _copy_daily(self) -> None:
        await trio.sleep(self._first_copy_s)
        while True:
            try:
                await self.run_long(lambda c, between: make_daily(c, self._place.daily, between))
            except ClientError as exc:
                logger.warning("no daily copy of the database: %s", exc)
            await trio.sleep(COPY_LOOK_S)

    async def run(
        self, function: Callable[[SqlConnection], Result], *, durable: bool = False
    ) -> Result:
        """`TablesPort.run`."""
        return await self._open_worker().call(transaction(function, durable=durable))

    def on_client_write(self, namespace: str, read_again: Callable[[], Awaitable[None]]) -> None:
        """`ClientWritesPort.on_client_write`."""
        self._writes.on_client_write(namespace, read_again)

    async def run_long(
        self, function: Callable[[sqlite3.Connection, Callable[[], None]], Result]
    ) -> Result:
        """Run a long call outside any transaction; it calls its second argument between steps."""
        worker = self._open_worker()
        return await worker.call(long_call(function, worker.run_waiting), maintenance=True)

    def _open_worker(self) -> DatabaseThread:
        if self._worker is None:
            raise closed()
        return self._worker
