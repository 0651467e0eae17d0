"""How a call runs on the connection: whole in one transaction, or long and outside of any.

SQLite's errors leave here as ours; what a subsystem's function raises on its own passes.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mrk.database.database_protocols import SqlConnection
from mrk.errors import ClientError
from mrk.files.disk_space import is_full
from nurseries.database.sqlite_errors import INSUFFICIENT_STORAGE, as_client_error

Result = TypeVar("Result")
DatabaseFunction = Callable[[sqlite3.Connection], Result]


def transaction(
    function: Callable[[SqlConnection], Result], *, durable: bool = False
) -> DatabaseFunction[Result]:
    """A call that commits what `function` did, or none of it when it raises.

    With `durable` the commit is on the disk when the call ends (synchronous FULL).
    """

    def run(connection: sqlite3.Connection) -> Result:
        with _our_errors(), _synchronous(connection, durable):
            # A writer at once: `mrk user` may write beside us, and who had begun as a reader
            # would then be refused without a wait.
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = function(connection)
                connection.execute("COMMIT")
            finally:
                # Some errors, a full disk among them, have rolled back already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return result

    return run


def long_call(
    function: Callable[[sqlite3.Connection, Callable[[], None]], Result],
    between: Callable[[], None],
) -> DatabaseFunction[Result]:
    """A call that manages without a transaction and calls `between` at its steps."""

    def run(connection: sqlite3.Connection) -> Result:
        with _our_errors():
            return function(connection, between)

    return run


@contextmanager
def _synchronous(connection: sqlite3.Connection, durable: bool) -> Iterator[None]:
    if not durable:
        yield
        return
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        translated = as_client_error(exc)
        if translated is None:
            raise
        raise translated from exc
    except OSError as exc:
        if is_full(exc):
            raise ClientError("The disk is full", INSUFFICIENT_STORAGE) from exc
        raise ClientError(f"Database: {exc}", 500) from exc
