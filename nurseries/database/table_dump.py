"""The rows of a table as `debug.database.table` shows them: JSON decoded, secrets null."""

from typing import Any

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.database.namespaces import SECRET
from mrk.database.schema import JSON_COLUMN, SECRET_COLUMNS
from mrk.errors import ClientError
from nurseries.database.maintenance import tables


class TableDump(msgspec.Struct, frozen=True):
    """The rows of one table, by column name, `rowid` included."""

    table_name: str
    rows: msgspec.Raw


def dump(connection: SqlConnection, table: str) -> TableDump:
    """All rows; raises `ClientError` 404 for a table that is not there."""
    if table not in tables(connection):
        raise ClientError(f"Table '{table}' not found", 404)
    quoted = '"' + table.replace('"', '""') + '"'
    kinds = {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({quoted})")}
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in kinds)
    has_rowid = "SELECT 1 FROM pragma_table_list(?) WHERE NOT wr"
    if connection.execute(has_rowid, (table,)).fetchone():
        columns, kinds = f"rowid, {columns}", {"rowid": "INTEGER", **kinds}
    rows = connection.execute(f"SELECT {columns} FROM {quoted}")
    return TableDump(table, msgspec.Raw(msgspec.json.encode([_row(kinds, row) for row in rows])))


def _row(kinds: dict[str, str], row: tuple[Any, ...]) -> dict[str, Any]:
    values = dict(zip(kinds, row, strict=True))
    for column, kind in kinds.items():
        if column in SECRET_COLUMNS:
            values[column] = None
        elif kind == JSON_COLUMN and values[column] is not None:
            values[column] = msgspec.Raw(values[column].encode())
    if values.get("namespace") in SECRET:
        values["value"] = None
    return values
