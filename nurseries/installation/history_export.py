"""The history of mrk's database as JSON, for whoever goes on without mrk."""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from mrk.errors import MrkError
from nurseries.installation.database_reading import reading

_TABLES = {"jobs": "job_history", "totals": "job_totals"}
_JSON_COLUMNS = ("metadata", "auxiliary_data")


def export_history(database: Path) -> str | None:
    """Jobs and totals as they are stored; None when there is no database. Raises `MrkError`."""
    if not database.exists():
        return None
    try:
        with reading(database) as opened:
            opened.row_factory = sqlite3.Row
            found = {name: _rows(opened, table) for name, table in _TABLES.items()}
    except sqlite3.Error as exc:
        raise MrkError(f"{database}: {exc}") from exc
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
        return []
    rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
    for row in rows:
        for column in _JSON_COLUMNS:
            if isinstance(row.get(column), str):
                with contextlib.suppress(ValueError):
                    row[column] = json.loads(row[column])
    return rows
