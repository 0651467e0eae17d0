"""Finds records that are no JSON any more, and sets them aside before anybody reads them.

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
from mrk.errors import ClientError
from mrk.foreign_json import NotJson
from nurseries.database.opening import QUICK_CHECK_BYTES
from nurseries.database.transaction import transaction

logger = logging.getLogger(__name__)
_NAMED = 5
Row = tuple[int, bytes, bytes, bytes]
_SIZE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
_DELETE = "DELETE FROM namespace_store WHERE rowid = ?"
# Checks syntax, and builds nothing.
_SYNTAX = msgspec.json.Decoder(msgspec.Raw)


def set_aside(connection: sqlite3.Connection, folder: Path | None, warnings: list[str]) -> None:
    """Move damaged records into a file in `folder`, and add a warning that names them.

    Without `folder` they are only left out: the connection is to a copy of what lies on the disk.
    Nothing is removed that could not be kept: those records stay, and so does what they break.
    A large file is not read, so that a start stays short.
    """
    size_bytes = connection.execute(_SIZE).fetchone()[0]
    if size_bytes > QUICK_CHECK_BYTES:
        return
    damaged = list(_damaged(connection))
    if not damaged:
        return
    names = [_shown(namespace + b"/" + key) for _row, namespace, key, _value in damaged]
    place = ""
    try:
        if folder is not None:
            place = time.strftime("mrk.db.damaged-records-%Y%m%d-%H%M%S")
            values = (_shown(row[3]) for row in damaged)
            lines = "".join(f"{name}: {value}\n" for name, value in zip(names, values, strict=True))
            # Others' settings may be in it.
            write_whole(folder / place, lines.encode(), mode=0o600)
        rows = [(number,) for number, *_rest in damaged]
        transaction(lambda c: c.executemany(_DELETE, rows))(connection)
    except (OSError, ClientError) as exc:
        logger.error("%d damaged records cannot be set aside: %s", len(damaged), exc)
        return
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    text = f"Records of the database were damaged: {', '.join(names[:_NAMED])}{more}. "
    text += f"They were set aside in {place}" if place else "They are left out"
    text += "; a backup may have them."
    logger.error("%s", text)
    warnings.append(text)


def _damaged(connection: sqlite3.Connection) -> Iterator[Row]:
    rows = connection.execute(
        "SELECT rowid, CAST(namespace AS BLOB), CAST(key AS BLOB), CAST(value AS BLOB),"
        " typeof(namespace) || typeof(key) || typeof(value) = 'texttexttext' FROM namespace_store"
    )
    for number, namespace, key, value, is_text in rows:
        if not (is_text and _is_utf8(namespace) and _is_utf8(key) and _is_json(value)):
            yield number, namespace, key, value


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
