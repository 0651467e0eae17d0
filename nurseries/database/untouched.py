"""Opens an SQLite file for reading without touching it or its folder: no lock, no journal.

What a write-ahead log or a hot journal beside the file holds is read from a copy in a temporary
folder.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nurseries.database.opening import open_copy

SIDECARS = ("-wal", "-journal")


@contextlib.contextmanager
def open_untouched(file: Path) -> Iterator[sqlite3.Connection]:
    """An open connection; raises OSError when there is no room for a copy that is needed."""
    sidecars = [file.with_name(file.name + suffix) for suffix in SIDECARS]
    if not any(side.exists() and side.stat().st_size for side in sidecars):
        with open_copy(file) as connection:
            yield connection
        return
    with tempfile.TemporaryDirectory(prefix="mrk-") as folder:
        for part in (file, *(side for side in sidecars if side.exists())):
            shutil.copyfile(part, Path(folder) / part.name)
        with contextlib.closing(sqlite3.connect(Path(folder) / file.name)) as connection:
            yield connection
