"""Reads an existing Moonraker database without touching it: SQLite, or the older LMDB folder.

Nothing is written beside the source, no lock file, no journal. What a write-ahead log or a hot
journal beside the file holds is read from a copy in a temporary folder.
"""

import importlib.util
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mrk.database import moonraker
from mrk.database.moonraker import LMDB_NAME, SQL_NAME, Found, decode_json, decode_record
from mrk.errors import MrkError
from mrk.extras import install_advice
from mrk.status.numbers import finite
from nurseries.database.lmdb_rows import read_rows
from nurseries.database.opening import read_text
from nurseries.database.untouched import SIDECARS, open_untouched


class NoMoonrakerDatabase(MrkError):
    """There is nothing to take over, or it cannot be read."""


def find_database(path: Path) -> Path:
    """The newest kind of database in a data folder, a database folder, or `path` itself."""
    if path.is_file():
        return path
    for folder in (path / "database", path, path / ".moonraker_database"):
        for name in (SQL_NAME, LMDB_NAME):
            if (folder / name).is_file():
                return folder / name
    raise NoMoonrakerDatabase(
        f"no Moonraker database in {path}: neither {SQL_NAME} nor {LMDB_NAME}"
    )


def read_source(file: Path) -> Found:
    """Everything in it. Raises `NoMoonrakerDatabase` when it cannot be read or changes
    meanwhile."""
    before = _stamps(file)
    try:
        found = _read_lmdb(file) if file.name == LMDB_NAME else _read_file(file)
    except (sqlite3.Error, OSError) as exc:
        raise _unreadable(file, exc) from exc
    if _stamps(file) != before:
        raise NoMoonrakerDatabase(f"{file} changed while it was read: stop Moonraker first")
    moonraker.take_tables(found)
    return found


def _unreadable(file: Path, reason: Exception) -> NoMoonrakerDatabase:
    """Moonraker does not start with a damaged one either, so this may be all that helps."""
    return NoMoonrakerDatabase(
        f"{file} cannot be read: {reason}. Move it away to begin without it; a copy of it, as in"
        " backup/database, can be imported too"
    )


def _stamps(file: Path) -> list[tuple[str, int, int]]:
    files = (file.with_name(file.name + suffix) for suffix in ("", *SIDECARS))
    return [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files if f.exists()]


def _read_file(file: Path) -> Found:
    with open_untouched(file) as connection:
        if not is_moonraker(connection):
            raise NoMoonrakerDatabase(f"{file} is not a Moonraker database: its tables are missing")
        return read_sql(connection)


def is_moonraker(connection: sqlite3.Connection) -> bool:
    """Whether an open file looks as Moonraker leaves one."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return {"table_registry", "namespace_store"} <= names


def read_sql(connection: sqlite3.Connection) -> Found:
    """All that is known of the tables; what cannot be decoded is told in `problems`."""
    found = Found()
    connection.text_factory = read_text
    tables = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith("sqlite_")
    }
    found.unknown_tables = sorted(tables - moonraker.KNOWN_TABLES)
    for row in _rows(connection, "namespace_store", tables):
        _take_record(found, row["namespace"], row["key"], row["value"])
    for row in _rows(connection, "job_history", tables):
        _take_job(found, row)
    for row in _rows(connection, "job_totals", tables):
        _take_total(found, row)
    for row in _rows(connection, "authorized_users", tables):
        try:
            found.users.append(moonraker.user({**row, "groups": decode_json(row["groups"])}))
        except (ValueError, KeyError) as exc:
            found.problems.append(f"user {row.get('username')!r} left out: {exc}")
    return found


def _rows(connection: sqlite3.Connection, table: str, tables: set[str]) -> Iterator[dict[str, Any]]:
    if table in tables:
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))


def _take_record(found: Found, namespace: object, key: object, raw: Any) -> None:
    if not isinstance(namespace, str) or not isinstance(key, str):
        found.problems.append(f"{namespace!r}: {key!r} left out: the name is no text")
        return
    try:
        value = decode_record(raw.encode() if isinstance(raw, str) else bytes(raw))
    except (ValueError, TypeError) as exc:
        found.problems.append(f"{namespace}: {key} left out: {exc}")
        return
    if value is not None:
        found.namespaces.setdefault(namespace, {})[key] = value


def _take_job(found: Found, row: dict[str, Any]) -> None:
    for column in ("metadata", "auxiliary_data"):
        try:
            row[column] = decode_json(row.get(column))
        except ValueError as exc:
            found.problems.append(f"job {row['job_id']}: {column} left out: {exc}")
            row[column] = None
    found.jobs.append(moonraker.job(row, row["job_id"]))


def _take_total(found: Found, row: dict[str, Any]) -> None:
    name = row["provider"], row["field"]
    taken = finite(row["maximum"]), finite(row["total"])
    if taken != (row["maximum"], row["total"]) or not all(isinstance(one, str) for one in name):
        found.problems.append(f"total {name[0]!r} {name[1]!r} left out: it is no number")
        return
    # Several instances may have shared one file; their totals are added up.
    stored = found.totals.get(name, (None, None))
    found.totals[name] = moonraker.added_total(stored, taken, (None, None))


def _read_lmdb(file: Path) -> Found:
    if importlib.util.find_spec("lmdb") is None:
        needs = f"an LMDB database needs the library lmdb: {install_advice('import-lmdb')}"
        raise NoMoonrakerDatabase(needs)
    found = Found()
    try:
        rows = read_rows(file)
    except MrkError as exc:
        raise _unreadable(file, exc) from exc
    for name, key, value in rows:
        # Damaged names are told as they are.
        _take_record(found, name.decode("utf-8", "replace"), key.decode("utf-8", "replace"), value)
    return found
