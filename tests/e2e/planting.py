"""What every daemon of a test has that must not be said: a secrets file, keys in its database."""

import contextlib
import json
import secrets
import shutil
import sqlite3
import tempfile
from pathlib import Path

from mrk.database.schema import SECRET_COLUMNS
from tests.secrets_watch import planted


def plant_secrets_file(folder: Path) -> dict[str, str]:
    """Write `moonraker.secrets` unless there is one; returns its group `planted`."""
    file = folder / "moonraker.secrets"
    if not file.exists():
        names = ("password", "token", "api_key")
        group = {name: planted(f"planted-{name}-{secrets.token_hex(8)}") for name in names}
        file.write_text(json.dumps({"planted": group}))
        file.chmod(0o600)
    found: dict[str, str] = json.loads(file.read_text()).get("planted", {})
    return found


def plant_database(folder: Path) -> None:
    """Plant what a daemon that has ended kept: its key for tokens, password hashes, API keys."""
    with tempfile.TemporaryDirectory() as copy:
        # A copy, so that what a killed daemon left is recovered by the next one, not by us.
        for file in folder.glob("mrk.db*"):
            with contextlib.suppress(OSError):
                shutil.copy(file, copy)
        if not (Path(copy) / "mrk.db").exists():
            return
        with (
            contextlib.suppress(sqlite3.DatabaseError),
            contextlib.closing(sqlite3.connect(Path(copy) / "mrk.db")) as database,
        ):
            _plant_columns(database)


def _plant_columns(database: sqlite3.Connection) -> None:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, *_ in database.execute(f"PRAGMA table_info({table})").fetchall():
            if column not in SECRET_COLUMNS:
                continue
            for (value,) in database.execute(f"SELECT {column} FROM {table}").fetchall():
                text = value.hex() if isinstance(value, bytes) else str(value or "")
                if len(text) >= 16:
                    # An API key is told to those who may ask for it.
                    planted(text, may_be_told=column == "key_text")
