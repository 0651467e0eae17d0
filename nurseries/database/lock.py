"""The lock of the database folder: one mrk, or one import, at a time.

Held by the open file; the kernel drops it when the process ends in whatever way.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from mrk.errors import MrkError

LOCK_NAME = "mrk.db.lock"


class DatabaseInUse(MrkError):
    """Another process holds the database."""


@contextlib.contextmanager
def open_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises `DatabaseInUse` at once when somebody else does."""
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise DatabaseInUse(f"{folder} is in use by another mrk, process {holder}") from exc
        with contextlib.suppress(OSError):  # a full disk; the number is only told to people
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
