"""The rows of namespaces: what the endpoints and the importer do with an open connection.

Values go in and out as JSON text. Small records are read and changed in Python; a large one is
left to SQLite's own JSON functions, which run without the interpreter's lock, because decoding
it in any thread would hold up the event loop.
"""

from typing import Any

import msgspec

from mrk.database import records
from mrk.database.database_protocols import SqlConnection
from mrk.database.keys import Path
from mrk.database.namespaces import FORBIDDEN_KEY, OWN_NAMESPACE, PROTECTED_KEY, ReservedNamespaces
from mrk.database.records import NotFound, missing_key, sql_path
from mrk.errors import ClientError

# Decoding and encoding so much takes 0.3 ms; 256 KB took 2.5, and 23 with a garbage collection.
LARGE_RECORD_BYTES = 32 * 1024
_RECORD = "FROM namespace_store WHERE namespace = ? AND key = ?"
_NOTHING = object()
# JSON text; SQLite takes what a request came with without a copy of ours.
Text = bytes | msgspec.Raw


def encode_value(value: Any) -> bytes:
    """JSON text of a value; raises `ClientError` 400 for what JSON or UTF-8 cannot carry."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError) as exc:
        raise ClientError(f"Argument 'value' is not valid JSON: {exc}") from exc


def normalised(value: msgspec.Raw) -> msgspec.Raw:
    """The text of a value without what JSON allows beside: blanks, members given twice.

    A large one is left as it was written: its objects would take many times its size.
    """
    text = memoryview(value)
    if len(text) > LARGE_RECORD_BYTES:
        return value
    try:
        return msgspec.Raw(encode_value(msgspec.json.decode(text)))
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ClientError(f"Argument 'value' is not valid JSON: {exc}") from exc


def read(connection: SqlConnection, namespace: str, path: Path) -> bytes:
    """One value; raises `NotFound`."""
    if len(path) == 1:
        row = connection.execute(f"SELECT CAST(value AS BLOB) {_RECORD}", (namespace, path[0]))
        found = row.fetchone()
        if found is None:
            raise missing_key(namespace, path)
        return bytes(found[0])
    in_sql = _large_path(connection, namespace, path)
    if in_sql is not None:
        return _read_in_sql(connection, namespace, path, in_sql)
    try:
        return encode_value(records.get(_record(connection, namespace, path), path[1:]))
    except KeyError:
        raise missing_key(namespace, path) from None


def read_all(connection: SqlConnection, namespace: str) -> bytes:
    """The whole namespace as one object; raises `NotFound`."""
    # Put together in SQLite: no value is parsed, and the interpreter stays free.
    (joined,) = connection.execute(
        "SELECT CAST('{' || group_concat(json_quote(key) || ':' || value, ',') || '}' AS BLOB)"
        " FROM (SELECT key, value FROM namespace_store WHERE namespace = ? ORDER BY key)",
        (namespace,),
    ).fetchone()
    if joined is None:
        raise NotFound(f"Namespace '{namespace}' not found")
    return bytes(joined)


def decoded_items(connection: SqlConnection, namespace: str) -> dict[str, Any]:
    """All records, decoded one by one so that other threads get their turn in between."""
    rows = connection.execute(
        "SELECT key, CAST(value AS BLOB) FROM namespace_store WHERE namespace = ? ORDER BY key",
        (namespace,),
    )
    return {key: msgspec.json.decode(value) for key, value in rows}


def write(connection: SqlConnection, namespace: str, path: Path, value: Text) -> None:
    """Store one JSON text; parents are created. Raises `ClientError` 400 below a non-object."""
    if len(path) == 1:
        _replace(connection, namespace, path[0], value)
        return
    in_sql = _large_path(connection, namespace, path)
    if in_sql is not None:
        _write_in_sql(connection, namespace, path, value)
        return
    record = _record(connection, namespace, path, default={})
    # A raw part is copied into the encoded record as it stands.
    raw = value if isinstance(value, msgspec.Raw) else msgspec.Raw(value)
    changed = records.put(record, path[1:], raw)
    _replace(connection, namespace, path[0], encode_value(changed))


def delete(connection: SqlConnection, namespace: str, path: Path) -> bytes:
    """Remove one value and return it; a record left empty goes too. Raises `NotFound`."""
    if len(path) == 1:
        removed = read(connection, namespace, path)
        connection.execute(f"DELETE {_RECORD}", (namespace, path[0]))
        return removed
    in_sql = _large_path(connection, namespace, path)
    if in_sql is not None:
        removed = _read_in_sql(connection, namespace, path, in_sql)
        connection.execute(
            "UPDATE namespace_store SET value = json_remove(value, ?)"
            " WHERE namespace = ? AND key = ?",
            (in_sql, namespace, path[0]),
        )
        connection.execute(f"DELETE {_RECORD} AND value = '{{}}'", (namespace, path[0]))
        return removed
    try:
        changed, value = records.delete(_record(connection, namespace, path), path[1:])
    except KeyError:
        raise missing_key(namespace, path) from None
    if changed:
        _replace(connection, namespace, path[0], encode_value(changed))
    else:
        connection.execute(f"DELETE {_RECORD}", (namespace, path[0]))
    return encode_value(value)


def namespaces(connection: SqlConnection) -> list[str]:
    """All of them, sorted."""
    rows = connection.execute("SELECT DISTINCT namespace FROM namespace_store ORDER BY namespace")
    return [name for (name,) in rows]


def read_reserved(connection: SqlConnection, reserved: ReservedNamespaces) -> None:
    """Add the remembered namespaces to `reserved`, and store the sets if they grew."""
    for key, kind in ((PROTECTED_KEY, "protected"), (FORBIDDEN_KEY, "forbidden")):
        stored = _record(connection, OWN_NAMESPACE, (key,), default=[])
        reserved.remember(**{"protected": None, "forbidden": None, kind: stored})
        names = sorted(getattr(reserved, kind))
        if names != stored:
            _replace(connection, OWN_NAMESPACE, key, encode_value(names))


def note_instance(connection: SqlConnection, instance_id: str) -> None:
    """Have the id of the installation where Moonraker keeps it, and where clients look for it."""
    connection.execute(
        "INSERT INTO namespace_store (namespace, key, value)"
        " VALUES ('moonraker', 'instance_id', CAST(? AS TEXT)) ON CONFLICT (namespace, key)"
        " DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value",
        (encode_value(instance_id),),
    )


def count_debug_use(connection: SqlConnection) -> None:
    """How often debug methods were used is kept for whoever reads a bug report."""
    used = _record(connection, OWN_NAMESPACE, ("debug_counter",), default=0)
    count = used + 1 if isinstance(used, int) else 1
    _replace(connection, OWN_NAMESPACE, "debug_counter", encode_value(count))


def _replace(connection: SqlConnection, namespace: str, key: str, value: Text) -> None:
    connection.execute(
        "INSERT INTO namespace_store (namespace, key, value) VALUES (?, ?, CAST(? AS TEXT))"
        " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value",
        (namespace, key, value),
    )


def _record(connection: SqlConnection, namespace: str, path: Path, default: Any = _NOTHING) -> Any:
    row = connection.execute(
        f"SELECT CAST(value AS BLOB) {_RECORD}", (namespace, path[0])
    ).fetchone()
    if row is not None:
        return msgspec.json.decode(row[0])
    if default is _NOTHING:
        raise missing_key(namespace, path)
    return default


def _large_path(connection: SqlConnection, namespace: str, path: Path) -> str | None:
    """The inner path in SQL when the record is large and SQL can say the path; else None."""
    row = connection.execute(
        f"SELECT length(value) > ? {_RECORD}", (LARGE_RECORD_BYTES, namespace, path[0])
    ).fetchone()
    return sql_path(path[1:]) if row is not None and row[0] else None


def _read_in_sql(connection: SqlConnection, namespace: str, path: Path, in_sql: str) -> bytes:
    (value,) = connection.execute(
        f"SELECT CAST(value -> ? AS BLOB) {_RECORD}", (in_sql, namespace, path[0])
    ).fetchone()
    if value is None:
        raise missing_key(namespace, path)
    return bytes(value)


def _write_in_sql(connection: SqlConnection, namespace: str, path: Path, value: Text) -> None:
    inner = path[1:]
    # One statement parses the record once for all parents.
    parents = [sql_path(inner[:depth]) for depth in range(len(inner))]
    wanted = ", ".join(["json_type(value, ?)"] * len(parents))
    kinds = connection.execute(
        f"SELECT {wanted} {_RECORD}", (*parents, namespace, path[0])
    ).fetchone()
    for depth, kind in enumerate(kinds[1:], 1):
        if kinds[0] == "object" and kind not in (None, "object"):
            raise records.not_an_object(inner[:depth])
    record = "value" if kinds[0] == "object" else "'{}'"
    connection.execute(
        f"UPDATE namespace_store SET value = json_set({record}, ?, json(CAST(? AS TEXT)))"
        " WHERE namespace = ? AND key = ?",
        (sql_path(inner), value, namespace, path[0]),
    )
