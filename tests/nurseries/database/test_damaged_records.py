"""A card that changed a letter of a record: SQLite finds nothing wrong with it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.database.database_protocols import SqlConnection
from nurseries.database import damaged_records
from nurseries.database.subsystem import Database
from tests.nurseries.database.conftest import build, client_of, folder_of

DAMAGES = {
    "syntax": b'{"good": "letters"',
    "no utf-8": b'{"a": "\xff"}',
    "behind": b'{"a": 1}}',
    "nothing": b"",
    "deep": b"[" * 100_000,
}


async def serving(data: Path, nursery: trio.Nursery, **options: Any) -> Database:
    database = build(data, **options)
    await nursery.start(database.serve)
    return database


async def make(data: Path) -> None:
    async with trio.open_nursery() as nursery:
        database = await serving(data, nursery)
        await database.put_items("n", {"good": 1, "bad": 2})
        nursery.cancel_scope.cancel()


def damage(data: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder_of(data) / "mrk.db")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def unopenable(data: Path) -> None:
    lock = folder_of(data) / "mrk.db.lock"
    lock.unlink()
    lock.mkdir()


def asides(data: Path) -> list[Path]:
    return list(folder_of(data).glob("*.damaged-records-*"))


@pytest.mark.parametrize("kind", DAMAGES)
async def test_the_rest_is_there_and_a_warning_names_it(
    kind: str, tmp_path: Path, nursery: trio.Nursery
) -> None:
    await make(tmp_path)
    damage(
        tmp_path,
        "UPDATE namespace_store SET value = CAST(? AS TEXT) WHERE key = 'bad'",
        DAMAGES[kind],
    )
    database = await serving(tmp_path, nursery)
    answer = await client_of(database)("server.database.get_item", namespace="n")
    assert answer["value"] == {"good": 1}
    (aside,) = asides(tmp_path)
    (warning,) = database.warnings
    assert "n/bad" in warning
    assert aside.name in warning
    assert aside.stat().st_mode & 0o777 == 0o600
    kept = aside.read_text()
    assert kept.startswith("n/bad: " + DAMAGES[kind].decode(errors="backslashreplace")[:20])
    assert kept.count("\n") == 1


@pytest.mark.parametrize("column", ["namespace", "key"])
@pytest.mark.parametrize("name", [b"\xffbad", "blob"])
async def test_names(column: str, name: bytes | str, tmp_path: Path, nursery: trio.Nursery) -> None:
    await make(tmp_path)
    new = "CAST(? AS TEXT)" if isinstance(name, bytes) else "CAST(? AS BLOB)"
    damage(tmp_path, f"UPDATE namespace_store SET {column} = {new} WHERE key = 'bad'", name)
    database = await serving(tmp_path, nursery)
    assert await database.items("n") == {"good": 1}
    assert len(asides(tmp_path)) == 1
    async with trio.open_nursery() as again:
        assert (await serving(tmp_path / "other", again)).warnings == []
        again.cancel_scope.cancel()


@pytest.mark.parametrize("key", ["protected_namespaces", "forbidden_namespaces"])
async def test_what_the_start_itself_reads(key: str, tmp_path: Path, nursery: trio.Nursery) -> None:
    await make(tmp_path)
    damage(tmp_path, "UPDATE namespace_store SET value = '[\"moonrak' WHERE key = ?", key)
    database = await serving(tmp_path, nursery)
    assert f"database/{key}" in database.warnings[0]


async def test_what_cannot_be_kept_is_not_removed(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    await make(tmp_path)
    damage(tmp_path, "UPDATE namespace_store SET value = '{' WHERE key = 'bad'")
    monkeypatch.setattr(damaged_records, "write_whole", refused)
    database = await serving(tmp_path, nursery)
    assert database.warnings == []

    def read(connection: SqlConnection) -> Any:
        return connection.execute("SELECT value FROM namespace_store WHERE key = 'bad'").fetchone()

    assert await database.run(read) == ("{",)


async def test_a_job_of_the_history_keeps_the_rest(tmp_path: Path, nursery: trio.Nursery) -> None:
    await make(tmp_path)
    for number, metadata, data in ((7, b'{"a":"\xff"}', b"["), (8, b'{"a":1}', b"[]")):
        damage(
            tmp_path,
            "INSERT INTO job_history (job_id, status, start_time, metadata, auxiliary_data)"
            " VALUES (?, 'completed', 1, CAST(? AS TEXT), CAST(? AS TEXT))",
            number,
            metadata,
            data,
        )
    database = await serving(tmp_path, nursery)

    def read(connection: SqlConnection) -> list[Any]:
        columns = "job_id, status, metadata, auxiliary_data"
        return connection.execute(f"SELECT {columns} FROM job_history").fetchall()

    assert await database.run(read) == [
        (7, "completed", "{}", "[]"),
        (8, "completed", '{"a":1}', "[]"),
    ]
    assert "job_history 7 metadata, job_history 7 auxiliary_data. " in database.warnings[0]
    assert asides(tmp_path)[0].read_text().splitlines() == [
        r'job_history 7 metadata: {"a":"\xff"}',
        "job_history 7 auxiliary_data: [",
    ]


@pytest.mark.parametrize("in_memory", [False, True])
async def test_other_tables_cost_the_damaged_letter_alone(
    tmp_path: Path, nursery: trio.Nursery, in_memory: bool
) -> None:
    await make(tmp_path)
    for name in (b"an\xffa", b"bert"):
        damage(
            tmp_path,
            "INSERT INTO users (username, password, salt, source, created_on)"
            " VALUES (CAST(? AS TEXT), 'x', '', 'moonraker', 1)",
            name,
        )
    if in_memory:
        unopenable(tmp_path)
    database = await serving(tmp_path, nursery)

    def read(connection: SqlConnection) -> list[Any]:
        return connection.execute("SELECT username FROM users ORDER BY username").fetchall()

    assert await database.run(read) == [("an\ufffda",), ("bert",)]


async def test_many_are_one_warning(tmp_path: Path, nursery: trio.Nursery) -> None:
    async with trio.open_nursery() as first:
        database = await serving(tmp_path, first)
        await database.put_items("n", {f"k{number}": number for number in range(9)})
        first.cancel_scope.cancel()
    damage(tmp_path, "UPDATE namespace_store SET value = '{' WHERE namespace = 'n'")
    database = await serving(tmp_path, nursery)
    assert "n/k4 and 4 more" in database.warnings[0]
    assert asides(tmp_path)[0].read_text().count("\n") == 9


async def test_a_copy_in_memory_leaves_them_out(tmp_path: Path, nursery: trio.Nursery) -> None:
    await make(tmp_path)
    damage(tmp_path, "UPDATE namespace_store SET value = '{' WHERE key = 'bad'")
    unopenable(tmp_path)
    database = await serving(tmp_path, nursery)
    assert await database.items("n") == {"good": 1}
    assert [("left out" in text) for text in database.warnings].count(True) == 1
    assert asides(tmp_path) == []
