"""The endpoints of `server.database` and, with -g, `debug.database`.

Values travel as JSON text between the request and SQLite; nothing is decoded on the way out.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec
import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.database.database_protocols import SqlConnection
from mrk.database.keys import check_text, parse_key
from mrk.database.namespaces import ADMINS, ReservedNamespaces, check_name
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.database import maintenance, store
from nurseries.database.client_writes import ClientWrites
from nurseries.database.copies import plain_files
from nurseries.database.maintenance import BackupPath, Restored, Sizes
from nurseries.database.opening import DatabaseLocation
from nurseries.database.table_dump import TableDump, dump

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
NULL = msgspec.Raw(b"null")
# For subsystems that keep a namespace in memory, behind a client's write.
READ_AGAIN_S = 5.0


class DatabaseCalls(Protocol):
    """The database's thread."""

    async def run(
        self, function: Callable[[SqlConnection], Result], *, durable: bool = False
    ) -> Result: ...

    async def run_long(
        self, function: Callable[[sqlite3.Connection, Callable[[], None]], Result]
    ) -> Result: ...


class GetParams(msgspec.Struct, frozen=True):
    """`key` is dotted text or a list of names; without it the whole namespace is meant."""

    namespace: str
    key: Any = None


class PostParams(msgspec.Struct, frozen=True):
    """`value` is any JSON value; a large one stays the text that came."""

    namespace: str
    key: Any
    value: msgspec.Raw


class DeleteItemParams(msgspec.Struct, frozen=True):
    """What to remove."""

    namespace: str
    key: Any


class BackupParams(msgspec.Struct, frozen=True):
    """Name of the new backup; the time when it is not given."""

    filename: str | None = None


class BackupName(msgspec.Struct, frozen=True):
    """One of the names that server.database.list tells."""

    filename: str


class TableParams(msgspec.Struct, frozen=True):
    """One of the names that debug.database.list tells."""

    table: str


class DatabaseItem(msgspec.Struct, frozen=True):
    """One value; `key` as it was sent."""

    namespace: str
    key: Any
    value: msgspec.Raw


class Listing(msgspec.Struct, frozen=True):
    """The answer of server.database.list; `backups` are file names."""

    namespaces: list[str]
    backups: list[str]


class DebugListing(msgspec.Struct, frozen=True):
    """The answer of debug.database.list."""

    namespaces: list[str]
    backups: list[str]
    tables: list[str]


class DatabaseEndpoints:
    """The database as clients see it."""

    def __init__(
        self,
        calls: DatabaseCalls,
        place: DatabaseLocation,
        reserved: ReservedNamespaces,
        writes: ClientWrites,
        debug: bool,
        is_printing: Callable[[], bool],
        request_restart: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._place = place
        self._reserved = reserved
        self._writes = writes
        self._debug = debug
        self._is_printing = is_printing
        self._request_restart = request_restart
        self._restored = False

    def endpoints(self) -> list[Endpoint]:
        """The debug ones exist with -g only."""
        server = [
            *self._item_endpoints("/server", debug=False),
            get(
                "/server/database/list",
                self.list_namespaces,
                "Namespaces that clients may read, and backup files.",
                Access.VIEW,
                result=Listing,
            ),
            post(
                "/server/database/compact",
                self.compact,
                "Rebuild the database file without its holes.",
                Access.ADMIN,
                result=Sizes,
            ),
            post(
                "/server/database/backup",
                self.post_backup,
                "Write a backup copy of the database.",
                Access.ADMIN,
                BackupParams,
                BackupPath,
            ),
            delete(
                "/server/database/backup",
                self.delete_backup,
                "Delete one backup.",
                Access.ADMIN,
                BackupName,
                BackupPath,
            ),
            post(
                "/server/database/restore",
                self.restore,
                "Replace the database by a backup, and begin a new generation.",
                Access.ADMIN,
                BackupName,
                Restored,
            ),
        ]
        return [*server, *self._debug_endpoints()] if self._debug else server

    def _debug_endpoints(self) -> list[Endpoint]:
        return [
            *self._item_endpoints("/debug", debug=True),
            get(
                "/debug/database/list",
                self.list_everything,
                "All namespaces, backup files and tables.",
                Access.ADMIN,
                result=DebugListing,
            ),
            get(
                "/debug/database/table",
                self.table,
                "All rows of one table; secrets are left out.",
                Access.ADMIN,
                TableParams,
                TableDump,
            ),
        ]

    def _item_endpoints(self, prefix: str, *, debug: bool) -> list[Endpoint]:
        path = f"{prefix}/database/item"
        read = Access.ADMIN if debug else Access.VIEW
        # Front ends keep their settings here, whoever uses them.
        change = Access.ADMIN if debug else Access.OPERATE
        return [
            get(
                path,
                self._with(self._read_item, debug),
                "Read one value, or a whole namespace.",
                read,
                GetParams,
                DatabaseItem,
            ),
            post(
                path,
                self._with(self._store_item, debug),
                "Store one value.",
                change,
                PostParams,
                DatabaseItem,
                large=True,
            ),
            delete(
                path,
                self._with(self._delete_item, debug),
                "Remove one value.",
                change,
                DeleteItemParams,
                DatabaseItem,
            ),
        ]

    def _with(
        self, handler: Callable[[Any, Caller, bool], Awaitable[DatabaseItem]], debug: bool
    ) -> Callable[[Any, Caller], Awaitable[DatabaseItem]]:
        async def handle(params: Any, caller: Caller) -> DatabaseItem:
            # What is stored now would be gone with the old database, and what is read is not so.
            self._check_not_restored(status=503)
            return await handler(params, caller, debug)

        return handle

    async def _read_item(self, params: GetParams, _caller: Caller, debug: bool) -> DatabaseItem:
        if not debug:
            self._reserved.check_read(params.namespace)
        name = check_text("namespace", params.namespace)
        path = None if params.key is None else parse_key(params.key)

        def read(connection: SqlConnection) -> bytes:
            if debug:
                store.count_debug_use(connection)
            if path is None:
                return store.read_all(connection, name)
            return store.read(connection, name, path)

        value = await self._calls.run(read)
        return DatabaseItem(params.namespace, params.key, msgspec.Raw(value))

    async def _store_item(self, params: PostParams, caller: Caller, debug: bool) -> DatabaseItem:
        if not debug:
            self._reserved.check_write(params.namespace)
            _check_role(caller, params.namespace)
        name = check_name(params.namespace)
        path = parse_key(params.key)

        def write(connection: SqlConnection) -> msgspec.Raw:
            if debug:
                store.count_debug_use(connection)
            value = store.normalised(params.value)
            # A null as a whole record is answered and not stored: clients clear settings so.
            if value != NULL or len(path) > 1:
                store.write(connection, name, path, value)
            return value

        value = await self._write(name, write)
        return DatabaseItem(params.namespace, params.key, value)

    async def _delete_item(
        self, params: DeleteItemParams, caller: Caller, debug: bool
    ) -> DatabaseItem:
        if not debug:
            self._reserved.check_write(params.namespace)
            _check_role(caller, params.namespace)
        name = check_text("namespace", params.namespace)
        path = parse_key(params.key)

        def remove(connection: SqlConnection) -> bytes:
            if debug:
                store.count_debug_use(connection)
            return store.delete(connection, name, path)

        value = await self._write(name, remove)
        return DatabaseItem(params.namespace, params.key, msgspec.Raw(value))

    async def _write(self, namespace: str, function: Callable[[SqlConnection], Result]) -> Result:
        try:
            return await self._calls.run(function)
        finally:
            # What a caller that has left wrote may be stored.
            with trio.move_on_after(READ_AGAIN_S, shield=True) as scope:
                await self._writes.tell(namespace)
            if scope.cancelled_caught:
                logger.warning("namespace %s is not read again: that takes too long", namespace)

    async def list_namespaces(self, _params: NoParams, _caller: Caller) -> Listing:
        """Protected namespaces are listed, forbidden ones are not."""
        listing = await self._list()
        shown = [name for name in listing.namespaces if name not in self._reserved.forbidden]
        return Listing(shown, listing.backups)

    async def list_everything(self, _params: NoParams, _caller: Caller) -> DebugListing:
        """Everything."""
        return await self._list()

    async def _list(self) -> DebugListing:
        def read(connection: SqlConnection) -> DebugListing:
            backups = sorted(file.name for file in plain_files(self._place.backups))
            names = store.namespaces(connection)
            return DebugListing(names, backups, maintenance.tables(connection))

        return await self._calls.run(read)

    async def table(self, params: TableParams, _caller: Caller) -> TableDump:
        """JSON columns come decoded; secrets are null."""
        return await self._calls.run(lambda c: dump(c, check_text("table", params.table)))

    async def compact(self, _params: NoParams, _caller: Caller) -> Sizes:
        """Refused while printing, not in a pause: it may take seconds of disk time."""
        self._check_idle()
        return await self._calls.run_long(lambda c, _: maintenance.compact(c, self._place.file))

    async def post_backup(self, params: BackupParams, _caller: Caller) -> BackupPath:
        """Other requests go on meanwhile."""
        self._check_idle()
        folder, name = self._place.backups, params.filename
        if name is not None:
            target = maintenance.new_backup_file(folder, name)
            return await self._calls.run_long(lambda c, b: maintenance.write_backup(c, target, b))

        def write(connection: sqlite3.Connection, between: Callable[[], None]) -> BackupPath:
            # The name is made here, where one backup is written after the other.
            return maintenance.write_backup(connection, maintenance.unnamed_backup(folder), between)

        return await self._calls.run_long(write)

    async def delete_backup(self, params: BackupName, _caller: Caller) -> BackupPath:
        """Allowed while printing."""
        target = maintenance.backup_file(self._place.backups, params.filename)
        return await self._calls.run_long(lambda _c, _b: maintenance.delete_backup(target))

    async def restore(self, params: BackupName, _caller: Caller) -> Restored:
        """The answer leaves first; then a new generation opens the restored database."""
        self._check_idle()
        source = maintenance.backup_file(self._place.backups, params.filename)

        token = trio.lowlevel.current_trio_token()

        def prepare(_connection: sqlite3.Connection, between: Callable[[], None]) -> Restored:
            self._check_not_restored()
            restored = maintenance.prepare_restore(source, self._place, between)
            self._restored = True
            # Not left to this task: the client may be gone by now.
            token.run_sync_soon(self._request_restart)
            return restored

        return await self._calls.run_long(prepare)

    def _check_idle(self) -> None:
        if self._is_printing():
            raise ClientError("Not while the printer is printing")
        self._check_not_restored()

    def _check_not_restored(self, status: int = 400) -> None:
        if self._restored:
            raise ClientError("A restored database is waiting for the restart", status)


def _check_role(caller: Caller, namespace: str) -> None:
    """Raise 403 for who may not change through its own methods what a namespace holds."""
    if namespace in ADMINS:
        caller.require(Role.ADMIN, f"Changing namespace '{namespace}'")
