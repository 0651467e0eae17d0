"""mrk's database beside a daemon that may run: opened to be read, and copied whole."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write; raises `sqlite3.Error`, and OSError without room for a copy.

    SQLite wants to write beside a file with a write-ahead log. Where nobody can, as on a card that
    is mounted read-only, what lies there is read from a copy.
    """
    address = f"{file.absolute().as_uri()}?mode=ro"
    with contextlib.ExitStack() as opened:
        connection = opened.enter_context(contextlib.closing(sqlite3.connect(address, uri=True)))
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN:
                raise
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="mrk-"))
            copied = contextlib.closing(_copied(file, Path(folder)))
            connection = opened.enter_context(copied)
        yield connection


def _copied(file: Path, folder: Path) -> sqlite3.Connection:
    log = file.with_name(f"{file.name}-wal")
    for part in (file, log):
        if part is file or os.path.exists(part):
            shutil.copyfile(part, folder / part.name)
    return sqlite3.connect(folder / file.name)


def copy_database(file: Path, copy: Path) -> None:
    """Write a copy, which must not be there yet; raises `sqlite3.Error`."""
    with reading(file) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
