"""`mrk import-moonraker`: takes over what an existing Moonraker database holds, once.

Everything is written in one transaction, so an interrupted import leaves nothing. What is taken
replaces records and users of the same name; jobs come beside those mrk has, and totals are added.
A later import takes what Moonraker has changed since the one before, and nothing else: what mrk
has changed or removed meanwhile would come back otherwise.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from config.whole_file import sync
from mrk.access.accounts import API_KEY_USER
from mrk.database import moonraker
from mrk.database.database_protocols import SqlConnection
from mrk.database.moonraker import IMPORT_KEY, Found, names
from mrk.database.namespaces import FORBIDDEN_KEY, OWN_NAMESPACE, PROTECTED_KEY, ReservedNamespaces
from mrk.database.records import NotFound
from mrk.database.schema import Migration, joined
from mrk.errors import MrkError
from mrk.files.disk_space import fits
from nurseries.database import store
from nurseries.database.moonraker_source import find_database, read_source
from nurseries.database.opening import DatabaseLocation, migrate, open_database
from nurseries.database.transaction import transaction

logger = logging.getLogger(__name__)
# Of the source's size: measured 1.1 for the database and 1.25 for the write-ahead log beside it.
# On a full disk the log stays, and Moonraker cannot write there either.
_WRITTEN_TIMES = 2.4


class Taken(msgspec.Struct):
    """How much of each kind was taken over."""

    records: dict[str, int] = {}
    jobs: int = 0
    jobs_known: int = 0
    totals: int = 0
    users: list[str] = []
    api_key: bool = False
    unchanged: int = 0


class _Earlier:
    """What the import before this one found, by fingerprints; collects those of this one."""

    def __init__(self, fingerprints: Iterable[str]) -> None:
        self._before = frozenset(fingerprints)
        self.found: list[str] = []

    def had(self, *parts: Any) -> bool:
        """Whether Moonraker had exactly this then; it is remembered for the next import."""
        mark = moonraker.fingerprint(parts)
        self.found.append(mark)
        return mark in self._before


def run_import(
    data_folder: Path,
    source: Path,
    again: bool,
    migrations: tuple[Migration, ...] = (),
    *,
    everything: bool = False,
) -> int:
    """Take over the database of `source` (a data folder, or a database) into `data_folder`.

    Prints what was taken; returns the exit code. `migrations` are those of the daemon. `everything`
    means also what has not changed since an earlier import.
    """
    place = DatabaseLocation(
        data_folder / "database", data_folder / "backup/database", joined(migrations)
    )
    try:
        file = find_database(source)
        with open_database(place) as connection:
            for warning in place.warnings:
                print(f"warning: {warning}")
            return _import(connection, place, file, again, everything=everything)
    except MrkError as exc:
        print(f"error: {exc}")
        return 1


def _import(
    connection: sqlite3.Connection,
    place: DatabaseLocation,
    file: Path,
    again: bool,
    *,
    everything: bool,
) -> int:
    before = _last_import(connection)
    if before is not None and not again:
        print(
            f"{before.get('source')} was taken over on {before.get('date')}; nothing was changed."
        )
        print("Use --again to take what has changed since, or --everything.")
        return 0
    if before is None:
        _check_room(file, place.folder)
    known = {**(before or {}), **({"fingerprints": ()} if everything else {})}
    found = read_source(file)
    taken = transaction(lambda c: take(c, found, file, known), durable=True)(connection)
    print(f"Taken over from {file}:")
    for line in report(found, taken):
        print(f"  {line}")
    return 0


def _check_room(file: Path, folder: Path) -> None:
    size_bytes = int(file.stat().st_size * _WRITTEN_TIMES)
    if not fits(size_bytes, os.statvfs(folder)):
        raise MrkError(f"{folder} has no room: what {file} holds needs {size_bytes} bytes there")


def build_from_moonraker(file: Path, place: DatabaseLocation) -> None:
    """Make a database of ours from a Moonraker backup, ready to be restored."""
    found = read_source(file)
    part = place.restore.with_name(f".{place.restore.name}.part")
    part.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as connection:
            migrate(connection, place)
            transaction(lambda c: store.read_reserved(c, ReservedNamespaces()))(connection)
            transaction(lambda c: take(c, found, file, {}))(connection)
        part.chmod(0o600)
        sync(part)
        part.replace(place.restore)
        sync(place.folder)
    finally:
        part.unlink(missing_ok=True)


def take(connection: SqlConnection, found: Found, file: Path, before: Mapping[str, Any]) -> Taken:
    """Write all that was found, and remember it. `before` is the record of an earlier import."""
    taken, earlier = Taken(), _Earlier(before.get("fingerprints", ()))
    _take_reserved(connection, found.namespaces.pop(moonraker.BOOKKEEPING, {}))
    for namespace, items in found.namespaces.items():
        _take_namespace(connection, namespace, items, earlier, taken)
    for job in found.jobs:
        _take_job(connection, job, earlier, taken)
    _take_totals(connection, found, before)
    taken.totals = len(found.totals)
    for user in found.users:
        if earlier.had("user", *moonraker.account(user)):
            taken.unchanged += 1
        else:
            _take_user(connection, user, taken)
    _remember(connection, found, file, earlier)
    return taken


def report(found: Found, taken: Taken) -> list[str]:
    """For a person."""
    counted = (f"{name} ({count})" for name, count in taken.records.items())
    jobs = f"history: {taken.jobs} jobs, {taken.totals} totals"
    lines = [
        f"namespaces: {names(counted)}",
        jobs + (f", {taken.jobs_known} jobs were here already" if taken.jobs_known else ""),
        f"users: {names(taken.users)}" + (", and the API key" if taken.api_key else ""),
    ]
    if found.unknown_tables:
        lines.append(f"unknown tables, left: {names(found.unknown_tables)}")
    if taken.unchanged:
        lines.append(
            f"as they were at the last import: {taken.unchanged} records and users; they stay as"
            " they are here"
        )
    return [*lines, *found.problems]


def _last_import(connection: SqlConnection) -> dict[str, Any] | None:
    try:
        stored = store.read(connection, OWN_NAMESPACE, (IMPORT_KEY,))
    except NotFound:
        return None
    record = msgspec.json.decode(stored)
    return record if isinstance(record, dict) else {}


def _take_reserved(connection: SqlConnection, bookkeeping: Mapping[str, Any]) -> None:
    reserved = ReservedNamespaces()
    reserved.remember(bookkeeping.get(PROTECTED_KEY), bookkeeping.get(FORBIDDEN_KEY))
    store.read_reserved(connection, reserved)


def _take_namespace(
    connection: SqlConnection,
    namespace: str,
    items: Mapping[str, Any],
    earlier: _Earlier,
    taken: Taken,
) -> None:
    changed = {
        key: value
        for key, value in items.items()
        if not earlier.had("record", namespace, key, value)
    }
    for key, value in changed.items():
        store.write(connection, namespace, (key,), store.encode_value(value))
    if changed:
        taken.records[namespace] = len(changed)
    taken.unchanged += len(items) - len(changed)


def _take_job(
    connection: SqlConnection, job: dict[str, Any], earlier: _Earlier, taken: Taken
) -> None:
    had = earlier.had("job", job["start_time"], job["filename"])
    known = (
        had
        or connection.execute(
            "SELECT 1 FROM job_history WHERE start_time = ? AND filename = ?",
            (job["start_time"], job["filename"]),
        ).fetchone()
    )
    if known:
        taken.jobs_known += 1
        return
    row = dict(job)
    for column in ("metadata", "auxiliary_data"):
        row[column] = store.encode_value(job[column]).decode()
    sql = "SELECT 1 FROM job_history WHERE job_id = ?"
    if row["job_id"] is not None and connection.execute(sql, (row["job_id"],)).fetchone():
        row["job_id"] = None  # the number is taken: the next free one
    _insert(connection, "job_history", row)
    taken.jobs += 1


def _take_totals(connection: SqlConnection, found: Found, before: Mapping[str, Any]) -> None:
    earlier = {(p, f): (maximum, total) for p, f, maximum, total in before.get("totals", [])}
    for (provider, name), pair in found.totals.items():
        stored = connection.execute(
            "SELECT maximum, total FROM job_totals WHERE provider = ? AND field = ?",
            (provider, name),
        ).fetchone() or (None, None)
        maximum, total = moonraker.added_total(
            stored, pair, earlier.get((provider, name), (None, None))
        )
        connection.execute(
            "INSERT OR REPLACE INTO job_totals (provider, field, maximum, total)"
            " VALUES (?, ?, ?, ?)",
            (provider, name, maximum, total),
        )


def _take_user(connection: SqlConnection, user: dict[str, Any], taken: Taken) -> None:
    if user["username"] == API_KEY_USER:
        row = {
            "owner": user["username"],
            "key_text": user["password"],
            "created_on": user["created_on"],
        }
        _insert(connection, "api_keys", row)
        taken.api_key = True
        return
    groups = store.encode_value(user["groups"]).decode()
    role = connection.execute("SELECT role FROM users WHERE username = :username", user).fetchone()
    # Who was given a role here keeps it: replaced means another password.
    kept = {} if role is None else {"role": role[0]}
    _insert(connection, "users", {**user, **kept, "groups": groups})
    taken.users.append(user["username"])


def _insert(connection: SqlConnection, table: str, row: Mapping[str, Any]) -> None:
    columns = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({places})", row)


def _remember(connection: SqlConnection, found: Found, file: Path, earlier: _Earlier) -> None:
    record = {
        "source": str(file),
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "totals": [[*name, *pair] for name, pair in found.totals.items()],
        "fingerprints": earlier.found,
    }
    store.write(connection, OWN_NAMESPACE, (IMPORT_KEY,), store.encode_value(record))
