"""SQLite's errors -> ours, by what can be done about them; the only place that reads its codes."""

import sqlite3

from mrk.errors import ClientError, MrkError

INSUFFICIENT_STORAGE = 507
# A file that cannot be read as a database, or not at all. A full disk is not among them.
_DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
}
_DAMAGED_EXTENDED = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
_AWAY = {
    sqlite3.SQLITE_BUSY: "the database is in use by another program",
    sqlite3.SQLITE_LOCKED: "the database is in use by another program",
    sqlite3.SQLITE_INTERRUPT: "mrk is ending",
}
_BROKEN = {
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_READONLY: "the file, or what SQLite keeps beside it, is read-only",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PERM: "the file may not be written",
}


class NotOurs(MrkError):
    """An SQLite file that mrk did not make."""


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0)


def is_damage(error: Exception) -> bool:
    """Whether the file, not the world around it, is the cause."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, NotOurs)
    return _code(error) & 0xFF in _DAMAGED or _code(error) in _DAMAGED_EXTENDED


def is_full_disk(error: Exception) -> bool:
    """Whether there was no space. The log's shared memory cannot be laid out then either."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = _code(error)
    return code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE


def is_unwritable(error: sqlite3.Error) -> bool:
    """Whether the file cannot be written, or the disk refuses to."""
    return _code(error) & 0xFF in _BROKEN


def as_client_error(error: sqlite3.Error) -> ClientError | None:
    """What a client hears; None when the statement itself is at fault, which is a bug."""
    primary = _code(error) & 0xFF
    if is_full_disk(error):
        return ClientError("The disk is full, nothing was stored", INSUFFICIENT_STORAGE)
    if primary in _AWAY:
        return ClientError(f"Database: {_AWAY[primary]}", 503)
    if primary in _BROKEN:
        return ClientError(f"Database: {_BROKEN[primary]} ({error})", 500)
    if is_damage(error):
        return ClientError(f"The database is damaged ({error}); restart mrk to repair it", 500)
    return None
