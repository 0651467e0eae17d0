"""Finds stored JSON that is none any more, and sets it aside before anybody reads it.

SQLite keeps no checksums of what it stores: a card that changed one letter passes its check. One
such record would end the part of mrk that reads it, at every start, and a client that is sent it
loses its connection. Runs in the database's thread at start.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from config.whole_file import write_whole
from mrk import foreign_json
from mrk.database.database_protocols import SqlConnection
from mrk.database.schema import JSON_COLUMN
from mrk.errors import ClientError
from mrk.foreign_json import NotJson
from nurseries.database.opening import QUICK_CHECK_BYTES
from nurseries.database.transaction import transaction

logger = logging.getLogger(__name__)
_NAMED = 5
_SIZE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
_COLUMNS = (
    'SELECT t.name, c.name, c.dflt_value, c."notnull"'
    " FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND c.type = ?"
)
_RECORDS = (
    "SELECT rowid, CAST(namespace AS BLOB), CAST(key AS BLOB), CAST(value AS BLOB),"
    " typeof(namespace) || typeof(key) || typeof(value) = 'texttexttext' FROM namespace_store"
)
# Checks syntax, and builds nothing.
_SYNTAX = msgspec.json.Decoder(msgspec.Raw)


class _Damaged(msgspec.Struct, frozen=True):
    """`name` is for people; `mend` is the statement, for this row, that takes it out."""

    name: str
    text: str
    row: int
    mend: str


def set_aside(connection: sqlite3.Connection, folder: Path | None, warnings: list[str]) -> None:
    """Move damaged values into a file in `folder`, and add a warning that names them.

    Without `folder` they are only left out: the connection is to a copy of what lies on the disk.
    Nothing is removed that could not be kept: those values stay, and so does what they break.
    A large file is not read, so that a start stays short.
    """
    size_bytes = connection.execute(_SIZE).fetchone()[0]
    if size_bytes > QUICK_CHECK_BYTES:
        return
    damaged = [*_records(connection), *_columns(connection)]
    if not damaged:
        return
    place = ""
    try:
        if folder is not None:
            place = time.strftime("mrk.db.damaged-records-%Y%m%d-%H%M%S")
            lines = "".join(f"{one.name}: {one.text}\n" for one in damaged)
            # Others' settings may be in it.
            write_whole(folder / place, lines.encode(), mode=0o600)
        transaction(lambda c: _take_out(c, damaged))(connection)
    except (OSError, ClientError) as exc:
        logger.error("%d damaged records cannot be set aside: %s", len(damaged), exc)
        return
    more = f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
    names = ", ".join(one.name for one in damaged[:_NAMED])
    text = f"Records of the database were damaged: {names}{more}. "
    text += f"They were set aside in {place}" if place else "They are left out"
    text += "; a backup may have them."
    logger.error("%s", text)
    warnings.append(text)


def _take_out(connection: SqlConnection, damaged: list[_Damaged]) -> None:
    for one in damaged:
        connection.execute(one.mend, (one.row,))


def _records(connection: sqlite3.Connection) -> Iterator[_Damaged]:
    """Of namespaces; without its value nothing is left of a record."""
    mend = "DELETE FROM namespace_store WHERE rowid = ?"
    for row, namespace, key, value, is_text in connection.execute(_RECORDS):
        if not (is_text and _is_utf8(namespace) and _is_utf8(key) and _is_json(value)):
            yield _Damaged(_shown(namespace + b"/" + key), _shown(value), row, mend)


def _columns(connection: sqlite3.Connection) -> Iterator[_Damaged]:
    """Of other tables: there the rest of the row stays, with what the column has by itself."""
    for table, column, default, is_needed in connection.execute(
        _COLUMNS, (JSON_COLUMN,)
    ).fetchall():
        if default is None and is_needed:
            continue
        mend = f"UPDATE {table} SET {column} = {default or 'NULL'} WHERE rowid = ?"
        values = f"SELECT rowid, CAST({column} AS BLOB) FROM {table} WHERE {column} IS NOT NULL"
        for row, value in connection.execute(values):
            if not _is_json(value):
                yield _Damaged(f"{table} {row} {column}", _shown(value), row, mend)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(text: bytes) -> bool:
    try:
        foreign_json.decode_by(_SYNTAX, text)
    except NotJson:
        return False
    return _is_utf8(text)


def _shown(text: bytes) -> str:
    return text.decode(errors="backslashreplace").replace("\n", "\\n")
