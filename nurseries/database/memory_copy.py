"""The database of a data folder that cannot be written, as on a worn SD card: a copy in memory.

People can log in and see what was kept; what is stored from then on lasts until the process ends.
The file, and what a write-ahead log beside it holds, are only read.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator

from nurseries.database.opening import DatabaseLocation, check, connect, migrate, open_copy
from nurseries.database.sqlite_errors import NotOurs
from nurseries.database.untouched import open_untouched

logger = logging.getLogger(__name__)
# History and namespaces of years take some 20 MB; more than this is not held in memory.
MOST_BYTES = 256 * 1024 * 1024


@contextlib.contextmanager
def open_in_memory(place: DatabaseLocation, reason: str) -> Iterator[sqlite3.Connection]:
    """A database in memory with what can be read of the file; a warning gives `reason`."""
    text = (
        f"{reason}. Settings, users, jobs and history are kept in memory only: "
        "what is stored from now on is lost when mrk ends or restarts."
    )
    connection = connect(":memory:")
    try:
        try:
            _fill(connection, place)
        except (sqlite3.Error, OSError, NotOurs) as exc:
            text += f" Nothing of what was stored before can be read ({exc})."
            connection.close()
            connection = connect(":memory:")
        migrate(connection, place, keeps_copy=False)
        connection.execute("PRAGMA foreign_keys = ON")
        logger.error("%s", text)
        place.warnings.append(text)
        yield connection
    finally:
        connection.close()


def _fill(connection: sqlite3.Connection, place: DatabaseLocation) -> None:
    if not place.file.exists():
        return
    size_bytes = place.file.stat().st_size
    if size_bytes > MOST_BYTES:
        raise OSError(f"{place.file} is larger than {MOST_BYTES} bytes")
    with _readable(place) as source:
        source.backup(connection)
    check(connection, size_bytes)


@contextlib.contextmanager
def _readable(place: DatabaseLocation) -> Iterator[sqlite3.Connection]:
    """The file with its write-ahead log, or without when there is no room for a copy of both."""
    with contextlib.ExitStack() as stack:
        try:
            source = stack.enter_context(open_untouched(place.file))
        except OSError as exc:
            logger.warning("the last changes of the database cannot be read: %s", exc)
            source = stack.enter_context(open_copy(place.file))
        yield source
