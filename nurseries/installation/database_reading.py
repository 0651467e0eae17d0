"""mrk's database beside a daemon that may run: opened to be read, and copied whole."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write; raises `sqlite3.Error`."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        yield connection


def copy_database(file: Path, copy: Path) -> None:
    """Write a copy, which must not be there yet; raises `sqlite3.Error`."""
    with reading(file) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
