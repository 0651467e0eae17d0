"""Compaction, backups, restoring, the daily copy, and a disk without space."""

import datetime
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.database.schema import Migration
from mrk.errors import ClientError
from nurseries.database import copies
from nurseries.database.copies import DAILY_KEPT, copy_daily, daily_name, make_daily
from nurseries.database.subsystem import Database
from tests.nurseries.database.conftest import Ask, build, client_of, folder_of
from tests.nurseries.database.test_items import status_of

SAMPLE = Path(__file__).parents[2] / "data" / "moonraker_database" / "moonraker-sql.db"


def backups_of(data: Path) -> Path:
    return data / "backup" / "database"


async def fill(database: Database, count: int = 500) -> None:
    await database.put_items("big", {str(i): "x" * 4000 for i in range(count)})


async def test_compaction_gives_space_back(database: Database, ask: Ask, tmp_path: Path) -> None:
    await fill(database)
    await database.run(lambda c: c.execute("DELETE FROM namespace_store").rowcount)
    await database.put_item("n", "kept", 1)
    sizes = await ask("server.database.compact")
    assert sizes["previous_size"] > 2_000_000 > 200_000 > sizes["new_size"]
    assert sizes["new_size"] == (folder_of(tmp_path) / "mrk.db").stat().st_size
    assert await database.get_item("n", "kept") == 1


async def test_backups_are_written_listed_and_deleted(ask: Ask, tmp_path: Path) -> None:
    await ask("server.database.post_item", namespace="n", key="k", value=1)
    written = await ask("server.database.post_backup", filename="before.db")
    assert written == {"backup_path": str(backups_of(tmp_path) / "before.db")}
    assert await ask("server.database.post_backup", filename="before.db") == written
    named = (await ask("server.database.post_backup"))["backup_path"]
    assert datetime.datetime.strptime(Path(named).name, "sqldb-backup-%Y%m%d-%H%M%S.db")
    again = (await ask("server.database.post_backup"))["backup_path"]
    assert again != named  # also within one second
    for path in (named, again):
        await ask("server.database.delete_backup", filename=Path(path).name)
    assert await ask("server.database.post_backup", filename=" before.db ") == written
    for name in ("  ", "a\n.db"):
        assert await status_of(ask, "server.database.post_backup", filename=name) == 400
    named = (await ask("server.database.post_backup"))["backup_path"]
    (backups_of(tmp_path) / "a folder").mkdir()
    listed = (await ask("server.database.list"))["backups"]
    assert sorted(listed) == ["before.db", Path(named).name]
    assert await ask("server.database.delete_backup", filename="before.db") == written
    assert await status_of(ask, "server.database.delete_backup", filename="before.db") == 404


BAD_NAMES = ["", ".", "..", "../x.db", "a/b.db", "/etc/passwd", "x\0.db", ".hidden", "x" * 201]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_backup_names_stay_in_their_folder(ask: Ask, name: str) -> None:
    for method in ("post_backup", "delete_backup", "restore"):
        assert await status_of(ask, f"server.database.{method}", filename=name) == 400
    assert (await ask("server.database.list"))["backups"] == []


async def test_nothing_heavy_while_printing(tmp_path: Path, nursery: trio.Nursery) -> None:
    printing = [False]
    database = build(tmp_path, is_printing=lambda: printing[0])
    await nursery.start(database.serve)
    ask = client_of(database)
    await ask("server.database.post_backup", filename="b.db")
    printing[0] = True
    for method, arguments in (
        ("compact", {}),
        ("post_backup", {}),
        ("restore", {"filename": "b.db"}),
    ):
        assert await status_of(ask, f"server.database.{method}", **arguments) == 400
    await ask("server.database.delete_backup", filename="b.db")


async def test_requests_go_on_during_a_backup(database: Database, tmp_path: Path) -> None:
    """Writes made between the steps are in the copy up to its last step, in their order."""
    await fill(database, 2000)
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            await database.put_item("meanwhile", str(written), written)
            written += 1

    ask = client_of(database)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await ask("server.database.post_backup", filename="b.db")
        during = written
        nursery.cancel_scope.cancel()
    assert during > 3
    copied = sqlite3.connect(backups_of(tmp_path) / "b.db")
    assert copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    sql = "SELECT count(*) FROM namespace_store WHERE namespace = ?"
    assert copied.execute(sql, ("big",)).fetchone() == (2000,)
    (count,) = copied.execute(sql, ("meanwhile",)).fetchone()
    sql = "SELECT max(CAST(key AS INTEGER)) FROM namespace_store WHERE namespace = 'meanwhile'"
    assert copied.execute(sql).fetchone() == (count - 1,)
    assert count > 1
    copied.close()
    assert [p.name for p in backups_of(tmp_path).iterdir()] == ["b.db"]


class Restarts:
    """Counts what the root would do."""

    def __init__(self) -> None:
        self.asked = trio.Event()

    def __call__(self) -> None:
        self.asked.set()


async def restore(data: Path, name: str) -> Any:
    """Restore in one generation, end it, and return the answer."""
    restarts = Restarts()
    database = build(data, request_restart=restarts)
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        ask = client_of(database)
        await database.put_item("n", "k", "new")
        answer = await ask("server.database.restore", filename=name)
        await restarts.asked.wait()
        for method, arguments in (
            ("compact", {}),
            ("post_backup", {}),
            ("restore", {"filename": name}),
        ):
            assert await status_of(ask, f"server.database.{method}", **arguments) == 400
        # It would be acknowledged, and gone.
        for method in ("post_item", "get_item", "delete_item"):
            item = {"namespace": "n", "key": "k", "value": 1}
            assert await status_of(ask, f"server.database.{method}", **item) == 503
        await database.put_item("n", "too late", 1)
        nursery.cancel_scope.cancel()
    return answer


async def items_of(data: Path, namespace: str) -> dict[str, Any]:
    database = build(data)
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        items = await database.items(namespace)
        assert database.warnings == []
        nursery.cancel_scope.cancel()
    return items


async def test_a_restored_backup_is_the_database_of_the_next_generation(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        database = build(tmp_path)
        await nursery.start(database.serve)
        await database.put_item("n", "k", "old")
        await client_of(database)("server.database.post_backup", filename="b.db")
        nursery.cancel_scope.cancel()
    answer = await restore(tmp_path, "b.db")
    assert answer["restored_namespaces"] == ["database", "n"]
    assert {"namespace_store", "job_history", "users"} <= set(answer["restored_tables"])
    assert await items_of(tmp_path, "n") == {"k": "old"}
    assert await items_of(tmp_path, "n") == {"k": "old"}


async def test_a_restored_backup_brings_no_token_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since it was made users were logged out; what signed their tokens is gone."""
    in_place: list[list[Any]] = []

    def replaced(part: Path, target: Path) -> Path:
        # If mrk is killed now, the next start takes what is there.
        if target.name == "mrk.db.restore":
            with sqlite3.connect(part) as connection:
                in_place.append(connection.execute("SELECT * FROM signing_keys").fetchall())
            connection.close()
        return replace(part, target)

    replace = Path.replace
    monkeypatch.setattr(Path, "replace", replaced)

    def sign(connection: Any) -> None:
        connection.execute("INSERT INTO signing_keys (purpose, key_text) VALUES ('jwt', 'ab')")

    async with trio.open_nursery() as nursery:
        database = build(tmp_path)
        await nursery.start(database.serve)
        await database.run(sign)
        await client_of(database)("server.database.post_backup", filename="b.db")
        nursery.cancel_scope.cancel()
    await restore(tmp_path, "b.db")
    assert in_place == [[]]
    async with trio.open_nursery() as nursery:
        database = build(tmp_path)
        await nursery.start(database.serve)
        keys = await database.run(lambda c: c.execute("SELECT * FROM signing_keys").fetchall())
        assert keys == []
        nursery.cancel_scope.cancel()


async def test_a_backup_of_moonraker_can_be_restored(tmp_path: Path) -> None:
    backups_of(tmp_path).mkdir(parents=True)
    (backups_of(tmp_path) / "sqldb-backup-1.db").write_bytes(SAMPLE.read_bytes())
    answer = await restore(tmp_path, "sqldb-backup-1.db")
    assert "webcams" in answer["restored_namespaces"]
    assert await items_of(tmp_path, "mainsail") == {"general": {"printername": "Old printer"}}
    assert await items_of(tmp_path, "n") == {}


async def test_what_is_no_backup_is_refused(ask: Ask, database: Database, tmp_path: Path) -> None:
    backups_of(tmp_path).mkdir(parents=True)
    other = sqlite3.connect(backups_of(tmp_path) / "other.db")
    other.execute("CREATE TABLE x (y)")
    other.close()
    (backups_of(tmp_path) / "text.db").write_text("no database at all, but long enough" * 100)
    await fill(database, 100)
    await ask("server.database.post_backup", filename="half.db")
    os.truncate(backups_of(tmp_path) / "half.db", 40960)
    (backups_of(tmp_path) / "link.db").symlink_to(SAMPLE)
    for name, status in (("none.db", 400), ("link.db", 400), ("other.db", 400)):
        assert await status_of(ask, "server.database.restore", filename=name) == status
    for name in ("text.db", "half.db"):
        assert await status_of(ask, "server.database.restore", filename=name) == 500
    await ask("server.database.compact")  # nothing waits for a restart
    assert {p.name for p in folder_of(tmp_path).iterdir()} <= {
        "mrk.db", "mrk.db-wal", "mrk.db-shm", "mrk.db.lock",
    }  # fmt: skip


async def test_a_backup_of_a_newer_mrk_is_refused(tmp_path: Path, nursery: trio.Nursery) -> None:
    newer = build(tmp_path, migrations=[Migration("users", 3, ("CREATE TABLE more (x)",))])
    async with trio.open_nursery() as inner:
        await inner.start(newer.serve)
        await client_of(newer)("server.database.post_backup", filename="newer.db")
        inner.cancel_scope.cancel()
    (folder_of(tmp_path) / "mrk.db").unlink()
    older = build(tmp_path)
    await nursery.start(older.serve)
    ask = client_of(older)
    assert await status_of(ask, "server.database.restore", filename="newer.db") == 400


async def test_a_clock_that_was_ahead_costs_no_later_copy(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    today = datetime.date.today()
    # One may be of a clock that is behind now.
    for days in (1, *range(3, 12)):
        (folder / daily_name(today + datetime.timedelta(days))).touch()
    assert await database.run_long(lambda c, b: copy_daily(c, folder, b))
    assert not await database.run_long(lambda c, b: copy_daily(c, folder, b))
    left = {path.name for path in folder.iterdir()}
    assert len(left) == DAILY_KEPT
    assert {daily_name(today), daily_name(today + datetime.timedelta(1))} <= left


async def test_seven_daily_copies_are_kept(database: Database, tmp_path: Path) -> None:
    folder = folder_of(tmp_path) / "backup"
    folder.mkdir()
    today = datetime.date.today()
    for days in range(1, DAILY_KEPT + 3):
        (folder / daily_name(today - datetime.timedelta(days))).write_text("copy")
    (folder / "mine.db").write_text("kept by hand")
    assert await database.run_long(lambda c, b: copy_daily(c, folder, b))
    names = {daily_name(today - datetime.timedelta(days)) for days in range(DAILY_KEPT)}
    assert {p.name for p in folder.iterdir()} == names | {"mine.db"}
    assert not await database.run_long(lambda c, b: copy_daily(c, folder, b))


async def test_serve_makes_the_copy_of_the_day(tmp_path: Path, nursery: trio.Nursery) -> None:
    database = build(tmp_path, first_copy_s=0.0)
    await nursery.start(database.serve)
    # Queued behind the copy, so it returns when that is done.
    await trio.testing.wait_all_tasks_blocked()
    await database.run_long(lambda _c, _b: None)
    assert (folder_of(tmp_path) / "backup" / daily_name(datetime.date.today())).exists()


async def test_no_copy_is_begun_that_would_fill_the_disk(
    database: Database, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was, each hour, on a card with less room than the database has."""
    await fill(database)
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk(1_500_000, 8_000_000_000))
    monkeypatch.setattr(copies, "copy", None)  # nothing is written
    folder = tmp_path / "copies"
    with pytest.raises(ClientError, match="no room for a copy") as caught:
        await database.run_long(lambda c, b: make_daily(c, folder, b))
    assert caught.value.status == 507
    assert await status_of(ask, "server.database.post_backup") == 507
    assert list(folder.iterdir()) == []


async def test_the_oldest_copy_makes_room(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database)
    folder = tmp_path / "copies"
    folder.mkdir()
    today = datetime.date.today()
    days = [folder / daily_name(today - datetime.timedelta(n)) for n in range(DAILY_KEPT + 1)]
    for file in days[1:]:
        file.touch()
    room = {True: 1_500_000, False: 1_000_000_000}
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk(room[days[-1].exists()], 8 * 10**9))
    assert await database.run_long(lambda c, b: make_daily(c, folder, b))
    assert sorted(folder.iterdir(), reverse=True) == days[:DAILY_KEPT]


def disk(free_bytes: int, total_bytes: int) -> os.statvfs_result:
    status = [0] * 10
    status[1] = 1  # f_frsize
    status[2], status[4] = total_bytes, free_bytes
    return os.statvfs_result(status)


async def test_no_space_is_507_and_the_rest_goes_on(database: Database, ask: Ask) -> None:
    await ask("server.database.post_item", namespace="n", key="k", value="before")
    (pages,) = await database.run(lambda c: c.execute("PRAGMA page_count").fetchone())
    await database.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    post = "server.database.post_item"
    for _ in range(3):
        assert await status_of(ask, post, namespace="n", key="big", value="x" * 100_000) == 507
    assert (await ask("server.database.get_item", namespace="n"))["value"] == {"k": "before"}
    await ask(post, namespace="n", key="k", value="small")
    await database.run(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    await ask(post, namespace="n", key="big", value="x" * 100_000)


async def test_a_failing_function_stores_nothing(database: Database) -> None:
    def half(connection: Any) -> None:
        connection.execute("INSERT INTO namespace_store VALUES ('n', 'k', '1')")
        raise ClientError("no", 409)

    with pytest.raises(ClientError, match="no"):
        await database.run(half, durable=True)
    assert await database.items("n") == {}
    (mode,) = await database.run(lambda c: c.execute("PRAGMA synchronous").fetchone())
    assert mode == 1


async def test_the_end_stops_a_compaction_and_leaves_the_file_whole(tmp_path: Path) -> None:
    async def compact(ask: Ask) -> None:
        with pytest.raises(ClientError) as caught:
            await ask("server.database.compact")
        assert caught.value.status == 503

    database = build(tmp_path)
    token, began, go_on = trio.lowlevel.current_trio_token(), trio.Event(), threading.Event()

    def trace(statement: str) -> None:
        """Hold the thread where the statement is about to begin."""
        if statement == "VACUUM":
            token.run_sync_soon(began.set)
            assert go_on.wait(20)

    async with trio.open_nursery() as outer, trio.open_nursery() as inner:
        await inner.start(database.serve)
        await fill(database)
        await database.run_long(lambda c, _: c.set_trace_callback(trace))
        outer.start_soon(compact, client_of(database))
        await began.wait()
        inner.cancel_scope.cancel()
        outer.start_soon(set_when_all_wait, go_on)
    assert len(await items_of(tmp_path, "big")) == 500


async def set_when_all_wait(event: threading.Event) -> None:
    await trio.testing.wait_all_tasks_blocked()
    event.set()


async def test_a_cancelled_write_is_whole_or_absent(database: Database) -> None:
    """Cancelled after each number of turns of the event loop, from the first on."""
    outcomes = set()
    for turns in range(60):
        namespace = f"n{turns}"
        async with trio.open_nursery() as nursery:
            items = {str(i): i for i in range(20)}
            nursery.start_soon(database.put_items, namespace, items)
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        stored = await database.items(namespace)
        assert stored in ({}, items)
        outcomes.add(len(stored))
    assert outcomes <= {0, 20}
    await database.put_item("n", "k", 1)


async def test_before_and_after_serve_it_is_503(tmp_path: Path) -> None:
    database = build(tmp_path)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            await database.items("n")
        assert caught.value.status == 503
        async with trio.open_nursery() as nursery:
            await nursery.start(database.serve)
            nursery.cancel_scope.cancel()
