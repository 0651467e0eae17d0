"""A database that cannot be written is copied into memory, as far as it can be read."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.database.schema import joined
from nurseries.database.memory_copy import MOST_BYTES, open_in_memory
from nurseries.database.opening import DatabaseLocation, Unwritable, open_database
from nurseries.database.subsystem import Database


def place(folder: Path) -> DatabaseLocation:
    return DatabaseLocation(folder, folder / "backups", joined(()))


def write(connection: sqlite3.Connection, value: str) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS kept (value TEXT)")
    connection.execute("INSERT INTO kept VALUES (?)", (value,))


def read(connection: sqlite3.Connection) -> list[Any]:
    return [value for (value,) in connection.execute("SELECT value FROM kept")]


def test_what_the_log_beside_the_file_holds_is_read_too(tmp_path: Path) -> None:
    used, worn = tmp_path / "used", tmp_path / "worn"
    with open_database(place(used)) as connection:
        write(connection, "one")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write(connection, "two")
        shutil.copytree(used, worn)
    before = {file.name: file.read_bytes() for file in worn.iterdir()}
    assert before["mrk.db-wal"]
    there = place(worn)
    with open_in_memory(there, "it is read-only") as connection:
        assert read(connection) == ["one", "two"]
        write(connection, "three")
        assert read(connection) == ["one", "two", "three"]
    assert {file.name: file.read_bytes() for file in worn.iterdir()} == before
    assert there.warnings == [
        "it is read-only. Settings, users, jobs and history are kept in memory only: "
        "what is stored from now on is lost when mrk ends or restarts."
    ]


@pytest.mark.parametrize("damage", ["not a database", "too large", "a folder"])
def test_what_cannot_be_read_starts_empty(tmp_path: Path, damage: str) -> None:
    there = place(tmp_path)
    if damage == "a folder":
        there.file.mkdir()
    else:
        there.file.write_bytes(b"this is no database at all" * 100)
    if damage == "too large":
        with there.file.open("ab") as file:
            file.truncate(MOST_BYTES + 1)
    with open_in_memory(there, "it is read-only") as connection:
        write(connection, "one")
        assert read(connection) == ["one"]
    assert "Nothing of what was stored before can be read" in there.warnings[0]


async def test_a_folder_that_cannot_be_made_costs_what_lasts_and_nothing_else(
    tmp_path: Path,
) -> None:
    (tmp_path / "database").touch()
    with pytest.raises(Unwritable), open_database(place(tmp_path / "database")):
        pass
    database = Database(tmp_path / "database", tmp_path / "backups")
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        await database.put_item("test", "key", {"a": 1})
        assert await database.get_item("test", "key") == {"a": 1}
        assert "kept in memory only" in database.warnings[0]
        nursery.cancel_scope.cancel()
