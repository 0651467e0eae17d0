"""Copies of the open database: daily ones, and those that clients ask for.

Written in small steps by the database's thread, which lets requests in between; under a hidden
name, and renamed when complete and on disk. Seven daily copies are kept.
"""

import contextlib
import datetime
import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

from config.whole_file import sync
from mrk.errors import ClientError
from mrk.files.disk_space import NO_SPACE, fits

STEP_PAGES = 64  # 256 KB, about 1 ms
DAILY_KEPT = 7
# Without a clock of its own a machine begins an hour behind what it wrote last; past this its clock
# was ahead.
AHEAD = datetime.timedelta(days=2)
_DAILY = r"mrk-\d{8}\.db"


def copy(
    source: sqlite3.Connection,
    target: Path,
    between: Callable[[], None] = lambda: None,
    change: Callable[[sqlite3.Connection], None] = lambda _copied: None,
) -> None:
    """Write all of `source` to `target`, replacing it whole; `between` is called at each step.

    `change` changes the copy before it is there. Raises what `between` raises, sqlite3.Error and
    OSError; nothing is left behind then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copied:
            # The copy is worth something when complete only; until then it needs no journal.
            copied.execute("PRAGMA journal_mode = OFF")
            copied.execute("PRAGMA synchronous = OFF")
            source.backup(copied, pages=STEP_PAGES, progress=lambda *_: between(), sleep=0)
            copied.execute("PRAGMA journal_mode = DELETE")
            copied.execute("PRAGMA journal_mode = OFF")
            change(copied)
        sync(part)
        os.chmod(part, 0o600)
        part.replace(target)
        sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def daily_name(today: datetime.date) -> str:
    """File name of that day's copy."""
    return f"mrk-{today:%Y%m%d}.db"


def copy_daily(
    source: sqlite3.Connection, folder: Path, between: Callable[[], None] = lambda: None
) -> bool:
    """Write today's copy if there is none yet, and drop the oldest over seven."""
    target = folder / daily_name(datetime.date.today())
    if target.exists():
        return False
    copy(source, target, between)
    for old in daily_copies(folder)[DAILY_KEPT:]:
        old.unlink(missing_ok=True)
    return True


def make_daily(
    source: sqlite3.Connection, folder: Path, between: Callable[[], None] = lambda: None
) -> bool:
    """`copy_daily` where there is room; the copy that it would drop goes first if that helps.

    Raises `ClientError` 507.
    """
    if (folder / daily_name(datetime.date.today())).exists():
        return False
    oldest = daily_copies(folder)[DAILY_KEPT - 1 :]
    try:
        check_room(source, folder)
    except ClientError:
        if not oldest:
            raise
        for old in oldest:
            old.unlink(missing_ok=True)
        check_room(source, folder)
    return copy_daily(source, folder, between)


def check_room(source: sqlite3.Connection, folder: Path) -> None:
    """Raise `ClientError` 507 unless a copy fits: it would first fill the disk for everybody."""
    folder.mkdir(parents=True, exist_ok=True)
    (pages,), (page_bytes,) = (
        source.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    size_bytes = pages * page_bytes
    if not fits(size_bytes, os.statvfs(folder)):
        text = f"There is no room for a copy of the database, which has {size_bytes} bytes"
        raise ClientError(text, NO_SPACE)


def daily_copies(folder: Path) -> list[Path]:
    """Newest first, by the day in their name.

    Those of days to come, of a clock that was ahead, are the oldest: else they would stay, and each
    new one be removed.
    """
    found = (path for path in plain_files(folder) if re.fullmatch(_DAILY, path.name))
    last = daily_name(datetime.date.today() + AHEAD)
    return sorted(found, key=lambda path: (path.name <= last, path.name), reverse=True)


def plain_files(folder: Path) -> list[Path]:
    """Finished plain files of a folder; none when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except FileNotFoundError:
        return []
