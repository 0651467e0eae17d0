"""Starts on all kinds of files: new, old, damaged, newer than us, in use."""

import datetime
import errno
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.database.schema import BEFORE_UPDATE, Migration
from mrk.errors import MrkError
from nurseries.database.copies import copy_daily, daily_name
from nurseries.database.lock import DatabaseInUse
from nurseries.database.subsystem import Database
from tests.nurseries.database.conftest import build, folder_of


async def with_database(data: Path, use: Any, **options: Any) -> Database:
    database = build(data, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        await use(database)
        nursery.cancel_scope.cancel()
    return database


async def fill(database: Database) -> None:
    await database.put_items("n", {str(i): "x" * 1000 for i in range(200)})


async def nothing(_database: Database) -> None:
    pass


def daily(data: Path, days_ago: int = 0) -> Path:
    day = datetime.date.today() - datetime.timedelta(days=days_ago)
    return folder_of(data) / "backup" / daily_name(day)


async def make_with_copy(data: Path) -> Path:
    """A filled database with a daily copy, closed; returns the file."""

    async def use(database: Database) -> None:
        await fill(database)
        await database.run_long(lambda c, between: copy_daily(c, daily(data).parent, between))
        await database.put_item("n", "late", 1)

    await with_database(data, use)
    return folder_of(data) / "mrk.db"


def overwrite(offset: int, content: bytes) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        with file.open("r+b") as opened:
            opened.seek(offset)
            opened.write(content)

    return damage


def truncate(size: int) -> Callable[[Path], None]:
    return lambda file: os.truncate(file, size)


def replace_by_stranger(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE somebody_elses (x)")
    connection.close()


DAMAGES = {
    "header": overwrite(0, b"no database here"),
    "all zeros": overwrite(0, bytes(8192)),
    "schema page": overwrite(100, os.urandom(3000)),
    "some page": overwrite(5 * 4096, os.urandom(2 * 4096)),
    "half of it": truncate(20 * 4096),
    "odd size": truncate(20 * 4096 + 77),
    "no bytes": truncate(0),
    "ten bytes": truncate(10),
    "a stranger": replace_by_stranger,
}


@pytest.mark.parametrize("kind", DAMAGES)
async def test_a_damaged_file_is_set_aside_and_the_copy_takes_its_place(
    kind: str, tmp_path: Path
) -> None:
    file = await make_with_copy(tmp_path)
    DAMAGES[kind](file)
    damaged = file.read_bytes()

    async def use(database: Database) -> None:
        items = await database.items("n")
        assert set(items) == {str(i) for i in range(200)}
        await database.put_item("n", "new", 1)

    database = await with_database(tmp_path, use)
    (warning,) = database.warnings
    (aside,) = (p for p in file.parent.iterdir() if ".damaged-" in p.name)
    assert aside.name in warning
    assert daily(tmp_path).name in warning
    assert aside.read_bytes() == damaged
    assert (await with_database(tmp_path, nothing)).warnings == []


async def test_a_damaged_copy_is_passed_over(tmp_path: Path) -> None:
    file = await make_with_copy(tmp_path)
    older = daily(tmp_path, days_ago=1)
    older.write_bytes(daily(tmp_path).read_bytes())
    os.utime(older, (1, 1))
    overwrite(3 * 4096, os.urandom(4096))(daily(tmp_path))
    overwrite(0, b"garbage!")(file)
    database = await with_database(tmp_path, nothing)
    assert older.name in database.warnings[0]


@pytest.mark.parametrize(("ahead_s", "is_newest"), [(3600, True), (30 * 86400, False)])
async def test_a_copy_of_a_clock_that_was_ahead_comes_last(
    tmp_path: Path, ahead_s: float, is_newest: bool
) -> None:
    file = await make_with_copy(tmp_path)
    other = daily(tmp_path, days_ago=1)
    other.write_bytes(daily(tmp_path).read_bytes())
    then = time.time() + ahead_s
    os.utime(other, (then, then))
    overwrite(0, b"garbage!")(file)
    database = await with_database(tmp_path, nothing)
    assert (other.name in database.warnings[0]) == is_newest


async def test_without_a_copy_it_starts_empty_and_says_so(tmp_path: Path) -> None:
    async def empty(database: Database) -> None:
        assert await database.items("n") == {}

    await with_database(tmp_path, fill)
    overwrite(0, b"garbage!")(folder_of(tmp_path) / "mrk.db")
    database = await with_database(tmp_path, empty)
    assert "no good copy" in database.warnings[0]


async def test_two_damages_in_one_second_keep_both_files(tmp_path: Path) -> None:
    for _ in range(2):
        await with_database(tmp_path, fill)
        overwrite(0, b"garbage!")(folder_of(tmp_path) / "mrk.db")
    await with_database(tmp_path, nothing)
    assert len([p for p in folder_of(tmp_path).iterdir() if ".damaged-" in p.name]) == 2


async def test_a_file_that_somebody_removed_starts_empty_without_a_word(tmp_path: Path) -> None:
    file = await make_with_copy(tmp_path)
    file.unlink()

    async def empty(database: Database) -> None:
        assert await database.items("n") == {}

    assert (await with_database(tmp_path, empty)).warnings == []


async def test_damage_in_the_write_ahead_log_loses_the_tail_only(tmp_path: Path) -> None:
    async def spoil(database: Database) -> None:
        await database.put_item("n", "first", 1)
        wal = folder_of(tmp_path) / "mrk.db-wal"
        saved = (wal.read_bytes(), (folder_of(tmp_path) / "mrk.db").read_bytes())
        await database.put_item("n", "second", 2)
        tmp_path.joinpath("wal").write_bytes(wal.read_bytes()[: len(saved[0]) + 30])
        tmp_path.joinpath("db").write_bytes(saved[1])

    await with_database(tmp_path, spoil)
    tmp_path.joinpath("db").rename(folder_of(tmp_path) / "mrk.db")
    tmp_path.joinpath("wal").rename(folder_of(tmp_path) / "mrk.db-wal")

    async def use(database: Database) -> None:
        assert await database.items("n") == {"first": 1}

    assert (await with_database(tmp_path, use)).warnings == []


STEPS = (
    Migration("queue", 1, ("CREATE TABLE queue (name TEXT)",)),
    Migration("queue", 2, ("ALTER TABLE queue ADD COLUMN copies INTEGER DEFAULT 1",)),
)


async def test_other_subsystems_bring_their_tables_step_by_step(tmp_path: Path) -> None:
    async def add(database: Database) -> None:
        await database.run(lambda c: c.execute("INSERT INTO queue (name) VALUES ('a')").rowcount)

    async def read(database: Database) -> None:
        rows = await database.run(lambda c: c.execute("SELECT name, copies FROM queue").fetchall())
        assert rows == [("a", 1)]

    await with_database(tmp_path, add, migrations=STEPS[:1])
    assert not daily(tmp_path).exists()
    await with_database(tmp_path, read, migrations=STEPS)
    assert daily(tmp_path).exists()  # made before the old file was changed
    await with_database(tmp_path, read, migrations=STEPS)
    await with_database(tmp_path, nothing)  # the queue is no longer configured


def raises(kind: type[Exception], text: str) -> Any:
    return pytest.RaisesGroup(pytest.RaisesExc(kind, match=text), flatten_subgroups=True)


async def test_a_failed_step_leaves_the_version_before(tmp_path: Path) -> None:
    broken = Migration("queue", 2, ("ALTER TABLE queue ADD COLUMN b", "nonsense"))
    await with_database(tmp_path, nothing, migrations=STEPS[:1])
    with raises(MrkError, "nonsense"):
        await with_database(tmp_path, nothing, migrations=(STEPS[0], broken))
    await with_database(tmp_path, nothing, migrations=STEPS)


async def test_a_file_of_a_newer_mrk_is_left_alone(tmp_path: Path) -> None:
    await with_database(tmp_path, fill, migrations=STEPS)
    with raises(MrkError, "newer mrk"):
        await with_database(tmp_path, nothing, migrations=STEPS[:1])
    assert not [p for p in folder_of(tmp_path).iterdir() if ".damaged-" in p.name]


async def test_after_an_update_that_was_given_up(tmp_path: Path) -> None:
    """The copy from before it takes the place of the newer file, which is kept."""
    await with_database(tmp_path, fill, migrations=STEPS[:1])
    file = folder_of(tmp_path) / "mrk.db"
    copy = file.with_name(BEFORE_UPDATE)
    copy.write_bytes(file.read_bytes())
    await with_database(tmp_path, nothing, migrations=STEPS)
    assert copy.exists(), "nobody needs it while the newer mrk runs"

    async def use(database: Database) -> None:
        assert len(await database.items("n")) == 200

    older = await with_database(tmp_path, use, migrations=STEPS[:1])
    assert "of a newer mrk was set aside as mrk.db.newer-" in older.warnings[0]
    assert not copy.exists()
    assert [p for p in folder_of(tmp_path).iterdir() if ".newer-" in p.name]
    await with_database(tmp_path, nothing, migrations=STEPS[:1])


async def test_the_same_on_a_file_system_without_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(_self: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    await test_after_an_update_that_was_given_up(tmp_path)


async def test_only_one_mrk_at_a_time(tmp_path: Path) -> None:
    async def second(_first: Database) -> None:
        with raises(DatabaseInUse, str(os.getpid())):
            await with_database(tmp_path, nothing)

    await with_database(tmp_path, second)
    await with_database(tmp_path, nothing)


async def test_a_place_that_cannot_hold_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "database").write_text("a file, no folder")

    async def told(database: Database) -> None:
        assert f"database {tmp_path}/database/mrk.db: " in database.warnings[0]

    await with_database(tmp_path, told)


async def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    file = await make_with_copy(tmp_path)
    assert {p.stat().st_mode & 0o077 for p in (file, daily(tmp_path))} == {0}
