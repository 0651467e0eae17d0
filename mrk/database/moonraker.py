"""Values and rows as Moonraker stores them -> ours; for the one-time take-over.

One encoding served LMDB and SQLite: the first byte tells the kind of a scalar, anything else
is JSON. Pure; a value that cannot be read raises `ValueError`.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mrk import foreign_json
from mrk.status.numbers import finite

# What holds its database, in the data folder's `database`: since 2024, and before.
SQL_NAME = "moonraker-sql.db"
LMDB_NAME = "data.mdb"
# In mrk's own namespace: remembers that an import was done, from where, and what it found: totals,
# and fingerprints of the rest.
IMPORT_KEY = "imported_from_moonraker"
# Bookkeeping of Moonraker's own database, and what becomes tables here.
BOOKKEEPING = "database"
USERS_NAMESPACE = "authorized_users"
HISTORY_NAMESPACE = "history"
KNOWN_TABLES = frozenset(
    {"table_registry", "namespace_store", "authorized_users", "job_history", "job_totals"}
)


class Found(msgspec.Struct):
    """What an existing database holds, decoded. `jobs` map column names to values, oldest first.

    `totals` are (provider, field) -> (maximum, total); `problems` are lines for a person.
    """

    namespaces: dict[str, dict[str, Any]] = {}
    jobs: list[dict[str, Any]] = []
    totals: dict[tuple[str, str], tuple[float | None, float | None]] = {}
    users: list[dict[str, Any]] = []
    unknown_tables: list[str] = []
    problems: list[str] = []


def decode_record(raw: bytes) -> Any:
    """One stored value. Numbers are in the machine's own byte order, as Python's struct."""
    match raw[:1]:
        case b"q" | b"d" | b"?" as kind:
            try:
                (value,) = struct.unpack("=" + kind.decode(), raw[1:])
            except struct.error as exc:
                raise ValueError(f"a scalar of {len(raw)} bytes") from exc
            return value
        case b"s":
            return raw[1:].decode()
        case _:
            return decode_json(raw)


def decode_json(raw: object) -> Any:
    """A JSON column; null when empty. Raises ValueError."""
    if not raw:
        return None
    if not isinstance(raw, bytes | str):
        raise ValueError(f"{raw!r} is no text")
    return foreign_json.decode(raw)


def job(entry: Mapping[str, Any], job_id: int | None) -> dict[str, Any]:
    """A job's columns from a decoded entry.

    A job that was running when Moonraker ended will never be finished: it is `interrupted`.
    """
    status = _text(entry.get("status"), "error")
    return {
        "job_id": job_id,
        "user": _text(entry.get("user"), "No User"),
        "filename": _text(entry.get("filename"), "unknown"),
        "status": "interrupted" if status == "in_progress" else status,
        "start_time": finite(entry.get("start_time")) or 0.0,
        "end_time": finite(entry.get("end_time")),
        "print_duration": finite(entry.get("print_duration")) or 0.0,
        "total_duration": finite(entry.get("total_duration")) or 0.0,
        "filament_used": finite(entry.get("filament_used")) or 0.0,
        "metadata": _kind(entry.get("metadata"), dict),
        "auxiliary_data": _kind(entry.get("auxiliary_data"), list),
    }


def _text(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) and value else otherwise


def user(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A user's columns; the API key stands in `password`, in LMDB in `api_key`.

    Raises `ValueError` without a name and a password.
    """
    name, password = entry.get("username"), entry.get("api_key") or entry.get("password")
    if not isinstance(name, str) or not isinstance(password, str) or not name:
        raise ValueError("a user without name or password")
    source = _text(entry.get("source"), "ldap" if password == "ldap" else "moonraker")
    return {
        "username": name,
        "password": password,
        "salt": _text(entry.get("salt"), ""),
        "source": source,
        "created_on": finite(entry.get("created_on")) or 0.0,
        "jwt_secret": entry.get("jwt_secret"),
        "jwk_id": entry.get("jwk_id"),
        "groups": _kind(entry.get("groups"), list) or ["admin"],
    }


def account(user: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of a user's columns is the account itself: the rest changes with each log-in."""
    return tuple(user[column] for column in ("username", "password", "salt", "source"))


def fingerprint(parts: Sequence[Any]) -> str:
    """By which something found is known again; says nothing of what it was."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()


def totals_of_namespace(history: Any) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """Totals of the LMDB days: key `history` of namespace `moonraker`."""
    if not isinstance(history, dict):
        return {}
    found: dict[tuple[str, str], tuple[float | None, float | None]] = {}
    for name, value in _kind(history.get("job_totals"), dict).items():
        pair = (None, finite(value)) if name.startswith("total_") else (finite(value), None)
        found["history", name] = pair
    for item in _kind(history.get("aux_totals"), list):
        if isinstance(item, dict) and "provider" in item and "field" in item:
            name = str(item["provider"]), str(item["field"])
            found[name] = finite(item.get("maximum")), finite(item.get("total"))
    return found


def take_tables(found: Found) -> None:
    """Move users, jobs and totals that stand as namespaces (LMDB) to where tables go."""
    for entry in found.namespaces.pop(USERS_NAMESPACE, {}).values():
        try:
            found.users.append(user(_kind(entry, dict)))
        except ValueError as exc:
            found.problems.append(f"user left out: {exc}")
    for key, entry in sorted(found.namespaces.pop(HISTORY_NAMESPACE, {}).items()):
        if not isinstance(entry, dict):
            found.problems.append(f"job {key} left out: no object")
            continue
        found.jobs.append(job(entry, _hexadecimal(key)))
    moonraker = found.namespaces.get("moonraker", {})
    for name, pair in totals_of_namespace(moonraker.pop("history", None)).items():
        found.totals.setdefault(name, pair)
    if not moonraker:
        found.namespaces.pop("moonraker", None)


def added_total(
    stored: tuple[float | None, float | None],
    taken: tuple[float | None, float | None],
    taken_before: tuple[float | None, float | None],
) -> tuple[float | None, float | None]:
    """Maximum and total after taking over `taken`, of which `taken_before` is already in."""
    maxima = [value for value in (stored[0], taken[0]) if value is not None]
    parts = (stored[1], taken[1], None if taken_before[1] is None else -taken_before[1])
    sums = [value for value in parts if value is not None]
    return (max(maxima) if maxima else None), (sum(sums) if sums else None)


def names(items: Iterable[str]) -> str:
    """For a line that a person reads."""
    return ", ".join(sorted(items)) or "none"


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _kind(value: Any, kind: type) -> Any:
    return value if isinstance(value, kind) else kind()
