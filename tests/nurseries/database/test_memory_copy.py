"""A database that cannot be written is copied into memory, as far as it can be read."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.database.schema import joined
from nurseries.database.memory_copy import MOST_BYTES, open_in_memory
from nurseries.database.opening import DatabaseLocation, Unwritable, open_database
from nurseries.database.subsystem import Database
from tests.fakes.without_rights import without_rights


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


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that others may look into, which they may not do in `tmp_path`."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("was_killed", [False, True])
async def test_somebody_elses_file_is_used_in_memory(
    tmp_path: Path, open_to_all: Path, suffix: str, was_killed: bool
) -> None:
    """As after `sudo cp`: the folder is ours, the file can be read."""
    used, folder = tmp_path / "used", open_to_all / "database"
    async with trio.open_nursery() as nursery:
        database = Database(used, tmp_path / "backups")
        await nursery.start(database.serve)
        await database.put_item("test", "key", {"a": 1})
        if was_killed:
            shutil.copytree(used, folder)
        nursery.cancel_scope.cancel()
    if not was_killed:
        shutil.copytree(used, folder)
    file = folder / f"mrk.db{suffix}"
    if not file.exists():
        pytest.skip("SQLite left nothing there")
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    os.chown(file, 0, 0)
    file.chmod(0o644)
    with without_rights():
        database = Database(folder, folder / "backups")
        async with trio.open_nursery() as nursery:
            await nursery.start(database.serve)
            assert await database.get_item("test", "key") == {"a": 1}
            await database.put_item("test", "other", 2)
            assert "is read-only" in database.warnings[0]
            assert "kept in memory only" in database.warnings[0]
            nursery.cancel_scope.cancel()
