"""Long calls in the database's thread: compaction, backups and their restoring.

Each function takes the open connection; the thread runs one of them at a time.
"""

import contextlib
import itertools
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.database.schema import APPLICATION_ID, too_new
from mrk.errors import ClientError
from mrk.files.paths import RootPath, check_new
from nurseries.database.copies import check_room, copy, plain_files
from nurseries.database.opening import DatabaseLocation, open_copy, schema_versions

_NAME_BYTES = 200  # leaves room for the hidden name that a copy has while it is written


class Sizes(msgspec.Struct, frozen=True):
    """File size in bytes before and after compaction."""

    previous_size: int
    new_size: int


class BackupPath(msgspec.Struct, frozen=True):
    """Absolute path of a backup that was written or deleted."""

    backup_path: str


class Restored(msgspec.Struct, frozen=True):
    """What the restored file holds."""

    restored_tables: list[str]
    restored_namespaces: list[str]


def compact(connection: sqlite3.Connection, file: Path) -> Sizes:
    """Rebuild the file without its holes. Ordinary calls wait meanwhile; an end does not."""
    # The log is emptied before and after, so that both sizes tell of the whole database.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.stat().st_size
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Sizes(before, file.stat().st_size)


def unnamed_backup(folder: Path) -> Path:
    """As Moonraker names them, in local time; with a number when there is one of this second."""
    stem = time.strftime("sqldb-backup-%Y%m%d-%H%M%S")
    names = (f"{stem}-{number}" if number else stem for number in itertools.count())
    return next(path for name in names if not (path := folder / f"{name}.db").exists())


def new_backup_file(folder: Path, name: str) -> Path:
    """A backup to be made: as `backup_file`, without blanks at the ends of its name.

    Control characters are refused, as in every new file's name.
    """
    check_new(RootPath("backup", (name,)))
    return backup_file(folder, name.strip())


def backup_file(folder: Path, name: str) -> Path:
    """The backup of that name; raises `ClientError` 400 for a name that is no plain file name."""
    plain = "/" not in name and "\0" not in name and not name.startswith(".") and name
    if not plain or len(os.fsencode(name)) > _NAME_BYTES:
        raise ClientError(f"Argument 'filename': {name!r:.80} is not the name of a backup")
    return folder / name


def write_backup(
    connection: sqlite3.Connection, target: Path, between: Callable[[], None]
) -> BackupPath:
    """Copy the database; an existing file of that name is replaced when the copy is whole."""
    if target.is_dir():
        raise ClientError(f"{target.name} is a folder")
    check_room(connection, target.parent)
    copy(connection, target, between)
    return BackupPath(str(target.absolute()))


def delete_backup(target: Path) -> BackupPath:
    """Raises `ClientError` 404 when there is no such plain file."""
    if target not in plain_files(target.parent):
        raise ClientError(f"Backup {target.name} not found", 404)
    target.unlink(missing_ok=True)
    return BackupPath(str(target.absolute()))


def prepare_restore(source: Path, place: DatabaseLocation, between: Callable[[], None]) -> Restored:
    """Check a backup and lay it ready; it becomes the database at the next opening.

    Takes backups of mrk and of Moonraker. What is written until then goes to the old file.
    """
    # Only here: a daemon that restores nothing has no use for Moonraker's formats.
    from nurseries.database.importer import build_from_moonraker
    from nurseries.database.moonraker_source import NoMoonrakerDatabase, is_moonraker

    if source not in plain_files(source.parent):
        raise ClientError(f"Backup {source.name} not found")
    try:
        with open_copy(source) as backup:
            if is_moonraker(backup):
                build_from_moonraker(source, place)
            else:
                _check_backup(backup, source.name, place)
                check_room(backup, place.folder)
                copy(backup, place.restore, between, _end_tokens)
        with open_copy(place.restore) as ready:
            return _contents(ready)
    except NoMoonrakerDatabase as exc:
        raise ClientError(str(exc), 500) from exc
    except sqlite3.DatabaseError as exc:
        with contextlib.suppress(FileNotFoundError):
            place.restore.unlink()
        if exc.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise ClientError(f"{source.name} is not a whole SQLite database: {exc}", 500) from exc
        raise


def _end_tokens(copied: sqlite3.Connection) -> None:
    """Without the key that signed them no token is valid: some ended since the backup was made."""
    if "signing_keys" in tables(copied):
        copied.execute("DELETE FROM signing_keys")


def _check_backup(backup: sqlite3.Connection, name: str, place: DatabaseLocation) -> None:
    (application,) = backup.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID or "namespace_store" not in tables(backup):
        raise ClientError(f"{name} holds no namespaces: no backup of mrk or Moonraker")
    if newer := too_new(place.steps, schema_versions(backup)):
        raise ClientError(f"{name} was written by a newer mrk ({', '.join(newer)})")
    (verdict,) = backup.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise ClientError(f"{name} is damaged: {verdict}", 500)


def tables(connection: SqlConnection) -> list[str]:
    """Names of all tables, sorted, SQLite's own left out."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [name for (name,) in rows]


def _contents(ready: sqlite3.Connection) -> Restored:
    rows = ready.execute("SELECT DISTINCT namespace FROM namespace_store ORDER BY namespace")
    return Restored(tables(ready), [name for (name,) in rows])
