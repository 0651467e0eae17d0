"""Brings the database file into a state to work with: checked, repaired, migrated, open.

Runs in the database's thread at start, and in `mrk import-moonraker`. A damaged file is set
aside, never deleted, and the newest good copy takes its place.
"""

import contextlib
import itertools
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from config.whole_file import sync
from mrk.database.schema import APPLICATION_ID, BEFORE_UPDATE, Migration, missing, too_new
from mrk.errors import ClientError, MrkError
from nurseries.database.copies import AHEAD, copy_daily, plain_files
from nurseries.database.lock import open_lock
from nurseries.database.sqlite_errors import (
    NotOurs,
    as_client_error,
    is_damage,
    is_full_disk,
    is_unwritable,
)

logger = logging.getLogger(__name__)
FILE_NAME = "mrk.db"
RESTORE_NAME = "mrk.db.restore"
DAILY_FOLDER = "backup"
# A whole check reads some 400 MB/s from memory, the quick one somewhat more; the disk is slower.
FULL_CHECK_BYTES = 8 * 1024 * 1024
QUICK_CHECK_BYTES = 64 * 1024 * 1024
_BUSY_S = 2.0
# What SQLite keeps beside a file.
_LOGS = ("-wal", "-shm")


class Unwritable(MrkError):
    """The folder or the file is not to be written: a read-only card, no permission."""


class DatabaseLocation(msgspec.Struct):
    """Where the database lives, and what it must become.

    `backups` is the folder of the copies that clients made; `warnings` collects what the user
    should read.
    """

    folder: Path
    backups: Path
    steps: Sequence[Migration]
    warnings: list[str] = []

    @property
    def file(self) -> Path:
        return self.folder / FILE_NAME

    @property
    def daily(self) -> Path:
        return self.folder / DAILY_FOLDER

    @property
    def restore(self) -> Path:
        return self.folder / RESTORE_NAME


@contextlib.contextmanager
def open_database(place: DatabaseLocation) -> Iterator[sqlite3.Connection]:
    """The open database, locked against other processes; closed on leaving.

    Raises `MrkError` when it cannot be opened at all: in use, written by a newer mrk; of these
    `Unwritable` when the folder or the file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(open_lock(place.folder))
            _take_restored(place)
            _take_older(place)
            connection = stack.enter_context(contextlib.closing(_open_good(place)))
        except OSError as exc:
            raise Unwritable(f"database {place.file}: {exc.strerror or exc}") from exc
        yield connection


def _take_restored(place: DatabaseLocation) -> None:
    """A copy that a client chose to restore replaces the database now."""
    if place.restore.exists():
        _remove_logs(place)
        place.restore.replace(place.file)
        sync(place.folder)
        logger.info("the database was restored from a backup")


def _take_older(place: DatabaseLocation) -> None:
    """After an update that was given up: the copy from before it replaces a newer schema."""
    older = place.folder / BEFORE_UPDATE
    if not older.exists() or not _is_too_new(place, place.file) or _is_too_new(place, older):
        return
    aside = _aside(place, "newer")
    _remove_logs(place)
    _set_aside(place.file, aside)
    older.replace(place.file)
    sync(place.folder)
    text = f"The database of a newer mrk was set aside as {aside.name}; its copy took its place."
    logger.warning("%s", text)
    place.warnings.append(text)


def _is_too_new(place: DatabaseLocation, file: Path) -> bool:
    try:
        # Its log is taken over first, as every opening does.
        with contextlib.closing(sqlite3.connect(file)) as connection:
            return bool(too_new(place.steps, schema_versions(connection)))
    except sqlite3.Error:
        return False


def _open_good(place: DatabaseLocation) -> sqlite3.Connection:
    try:
        return _open_migrated(place)
    except (sqlite3.Error, NotOurs) as exc:
        if is_full_disk(exc):
            return _open_on_full_disk(place)
        if not is_damage(exc):
            raise _cannot_open(place, exc) from exc
        _replace_damaged(place, exc)
    try:
        return _open_migrated(place)
    except (sqlite3.Error, NotOurs) as exc:
        raise _cannot_open(place, exc) from exc


def _open_on_full_disk(place: DatabaseLocation) -> sqlite3.Connection:
    """Without a file of shared memory: so that people can get in and delete something."""
    try:
        connection = _open_migrated(place, exclusive=True)
    except (sqlite3.Error, NotOurs) as exc:
        raise _cannot_open(place, exc) from exc
    place.warnings.append("The disk is full: settings and history cannot be stored.")
    return connection


def _cannot_open(place: DatabaseLocation, error: Exception) -> MrkError:
    known = as_client_error(error) if isinstance(error, sqlite3.Error) else None
    reason = known.message if isinstance(known, ClientError) else str(error)
    outside = isinstance(error, sqlite3.Error) and (is_unwritable(error) or is_full_disk(error))
    kind = Unwritable if outside else MrkError
    return kind(f"database {place.file} cannot be opened: {reason}")


def _open_migrated(place: DatabaseLocation, *, exclusive: bool = False) -> sqlite3.Connection:
    # A missing file was removed on purpose; an empty one beside copies lost its content.
    is_empty = place.file.exists() and _size_bytes(place.file) == 0
    if is_empty and _newest_good(place) is not None:
        raise NotOurs("the file is empty")
    connection = connect(place.file, _BUSY_S)
    try:
        if exclusive:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        with contextlib.suppress(PermissionError):  # somebody else's file that we may write
            os.chmod(place.file, 0o600)  # it holds passwords' hashes and keys
        check(connection, _size_bytes(place.file))
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, place)
        _require_writable(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_writable(connection: sqlite3.Connection) -> None:
    """Raise for a file that can only be read: SQLite opens it all the same."""
    try:
        # Changes nothing. A BEGIN IMMEDIATE alone would be taken for one that reads.
        connection.execute("UPDATE schema_version SET version = version WHERE false")
    except sqlite3.OperationalError as exc:
        if is_unwritable(exc):
            raise


def connect(file: Path | str, busy_s: float = 5.0) -> sqlite3.Connection:
    """In autocommit, and with `read_text`; others' locks are waited for so long."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=busy_s)
    connection.text_factory = read_text
    return connection


def read_text(text: bytes) -> str:
    """A text as it is stored. One with a damaged letter costs that letter, not the whole query."""
    return text.decode(errors="replace")


def _size_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def check(connection: sqlite3.Connection, size_bytes: int) -> None:
    """Raises `NotOurs` or sqlite3.DatabaseError for a file that must not be used.

    Up to 8 MB every page and index is checked, up to 64 MB the pages; a larger file is only
    opened and its schema read, so that a start stays short.
    """
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (tables or application):
        raise NotOurs("not a database of mrk")
    if size_bytes > QUICK_CHECK_BYTES:
        return
    kind = "integrity_check" if size_bytes <= FULL_CHECK_BYTES else "quick_check"
    (verdict,) = connection.execute(f"PRAGMA {kind}(1)").fetchone()
    if verdict != "ok":
        raise NotOurs(f"integrity check: {verdict}")


def schema_versions(connection: sqlite3.Connection) -> dict[str, int]:
    """How far each owner's tables are; empty for a new file."""
    (known,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'"
    ).fetchone()
    return dict(connection.execute("SELECT owner, version FROM schema_version") if known else ())


def migrate(
    connection: sqlite3.Connection, place: DatabaseLocation, *, keeps_copy: bool = True
) -> None:
    """Run the steps that the file still needs, each whole or not at all; first it is copied."""
    versions = schema_versions(connection)
    if newer := too_new(place.steps, versions):
        raise MrkError(
            f"database {place.file}: written by a newer mrk ({', '.join(newer)});"
            f" update mrk, or put a copy from before in its place, of {place.daily}"
        )
    steps = missing(place.steps, versions)
    if versions and steps and keeps_copy:
        copy_daily(connection, place.daily)
    for step in steps:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _run_step(connection, step)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _run_step(connection: sqlite3.Connection, step: Migration) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version"
        " (owner TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL)"
    )
    for statement in step.statements:
        connection.execute(statement)
    connection.execute(
        "INSERT OR REPLACE INTO schema_version VALUES (?, ?)", (step.owner, step.version)
    )


def _replace_damaged(place: DatabaseLocation, reason: Exception) -> None:
    """Set the file aside with what belongs to it, and put the newest good copy in its place.

    The copy is laid ready first and takes the file's name in one step, so that a power cut
    meanwhile cannot leave an empty place.
    """
    aside = _aside(place, "damaged")
    copy = _newest_good(place)
    text = f"The database was damaged ({reason}) and set aside as {aside.name}. "
    part = place.file.with_name(f".{FILE_NAME}.part")
    if copy is not None:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(copy.stat().st_mtime))
        text += f"The copy {copy.name} of {made} took its place."
        _lay_ready(copy, part)
    else:
        text += "There is no good copy: it starts empty."
    for suffix in _LOGS:
        with contextlib.suppress(FileNotFoundError):
            place.file.with_name(FILE_NAME + suffix).rename(f"{aside}{suffix}")
    _set_aside(place.file, aside)
    if copy is not None:
        part.replace(place.file)
    else:
        place.file.unlink(missing_ok=True)
    sync(place.folder)
    logger.error("%s", text)
    place.warnings.append(text)


def _remove_logs(place: DatabaseLocation) -> None:
    for suffix in _LOGS:
        place.file.with_name(FILE_NAME + suffix).unlink(missing_ok=True)


def _set_aside(file: Path, aside: Path) -> None:
    """Give the file another name; it keeps its own too, for a power cut, where that can be."""
    try:
        aside.hardlink_to(file)
    except OSError:  # a file system without links
        file.rename(aside)


def _aside(place: DatabaseLocation, why: str) -> Path:
    """A name that is free."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{stamp}-{number}" if number else stamp for number in itertools.count())
    asides = (place.file.with_name(f"{FILE_NAME}.{why}-{name}") for name in names)
    return next(aside for aside in asides if not aside.exists())


def _lay_ready(copy: Path, part: Path) -> None:
    try:
        shutil.copyfile(copy, part)
        sync(part)
    except OSError:
        # No space for two: the copy itself is used.
        part.unlink(missing_ok=True)
        copy.rename(part)


def _newest_good(place: DatabaseLocation) -> Path | None:
    files = [*plain_files(place.daily), *plain_files(place.backups)]
    last = time.time() + AHEAD.total_seconds()

    def made(file: Path) -> tuple[bool, float]:
        # What was made by a clock that was ahead comes last.
        modified = file.stat().st_mtime
        return modified <= last, modified

    for file in sorted(files, key=made, reverse=True):
        if is_good_copy(file):
            return file
    return None


@contextlib.contextmanager
def open_copy(file: Path) -> Iterator[sqlite3.Connection]:
    """A finished copy, for reading; the file and its folder stay as they are."""
    uri = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        yield connection


def is_good_copy(file: Path) -> bool:
    """Whether a copy is a database of ours, and whole."""
    try:
        with open_copy(file) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error:
        return False
    return bool(application == APPLICATION_ID and verdict == "ok")
