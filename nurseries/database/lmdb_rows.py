"""Reads Moonraker's older database, a folder of LMDB, in a process of its own.

The library maps the file into memory: one that is cut off or damaged ends whoever reads it by a
signal. Run by `read_rows` as `python -m nurseries.database.lmdb_rows FILE`; prints the rows.
"""

import importlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from mrk.errors import MrkError

# Namespace, key, value.
Row = tuple[bytes, bytes, bytes]
_MAX_NAMESPACES = 1000


def read_rows(file: Path) -> list[Row]:
    """All rows of the database that `file` is; raises `MrkError` when it cannot be read."""
    words = [sys.executable, "-P", "-m", __name__, str(file.absolute())]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd="/"
    )
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise MrkError(f"it is cut off or damaged; reading it ended with {name}")
    if done.returncode:
        raise MrkError(done.stderr.decode("utf-8", "replace").strip())
    return msgspec.msgpack.decode(done.stdout, type=list[Row])


def _rows(file: Path) -> list[Row]:
    lmdb: Any = importlib.import_module("lmdb")
    found: list[Row] = []
    try:
        # Without a lock file nothing is created in the folder.
        with lmdb.open(
            str(file.parent), readonly=True, lock=False, max_dbs=_MAX_NAMESPACES, create=False
        ) as environment:
            with environment.begin() as main:
                names = [bytes(name) for name, _value in main.cursor()]
            for name in names:
                database = environment.open_db(name, create=False)
                with environment.begin(db=database) as inside:
                    found += [(name, bytes(k), bytes(v)) for k, v in inside.cursor()]
    except lmdb.Error as exc:
        sys.exit(str(exc))
    return found


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.msgpack.encode(_rows(Path(sys.argv[1]))))
