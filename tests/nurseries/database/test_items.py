"""server.database.* items, as front ends use them."""

from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.api.caller import Caller, Transport
from mrk.api.schema import openapi, openrpc
from mrk.api.table import Table
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.database import store
from nurseries.database.endpoints import READ_AGAIN_S
from nurseries.database.subsystem import Database
from nurseries.testing.memory_database import MemoryDatabase
from tests.nurseries.database.conftest import Ask, build, client_of


async def status_of(ask: Ask, method: str, **arguments: Any) -> int:
    with pytest.raises(ClientError) as caught:
        await ask(method, **arguments)
    return caught.value.status


async def test_an_empty_database_answers_404_then_takes_the_namespace(ask: Ask) -> None:
    assert await status_of(ask, "server.database.get_item", namespace="fluidd") == 404
    await ask("server.database.post_item", namespace="fluidd", key="uiSettings", value={"a": 1})
    answer = await ask("server.database.get_item", namespace="fluidd")
    assert answer == {"namespace": "fluidd", "key": None, "value": {"uiSettings": {"a": 1}}}


@pytest.mark.parametrize("value", [0, 1.5, True, "text", "", [], [1, "2"], {}, {"a": None}, 2**70])
async def test_any_value_comes_back(ask: Ask, value: Any) -> None:
    posted = await ask("server.database.post_item", namespace="n", key="k", value=value)
    assert posted == {"namespace": "n", "key": "k", "value": value}
    assert await ask("server.database.get_item", namespace="n", key="k") == posted


async def test_dotted_keys_and_lists_reach_the_same_value(ask: Ask) -> None:
    posted = await ask("server.database.post_item", namespace="n", key="a.b.c", value=3)
    assert posted["key"] == "a.b.c"
    got = await ask("server.database.get_item", namespace="n", key=["a", "b", "c"])
    assert got == {"namespace": "n", "key": ["a", "b", "c"], "value": 3}
    await ask("server.database.post_item", namespace="n", key=["a.b", "c"], value=4)
    whole = await ask("server.database.get_item", namespace="n")
    assert whole["value"] == {"a": {"b": {"c": 3}}, "a.b": {"c": 4}}


async def test_stray_arguments_are_ignored(ask: Ask) -> None:
    await ask("server.database.post_item", namespace="n", key="k", value=1)
    listed = await ask("server.database.list", root="config")
    assert listed == {"namespaces": ["n"], "backups": []}


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", [], ["a", ""], 5, {}, True, [1]])
async def test_bad_keys_are_refused(ask: Ask, key: Any) -> None:
    for method in ("get_item", "delete_item"):
        assert await status_of(ask, f"server.database.{method}", namespace="n", key=key) == 400
    post = "server.database.post_item"
    assert await status_of(ask, post, namespace="n", key=key, value=1) == 400


@pytest.mark.parametrize("left_out", ["namespace", "key", "value"])
async def test_missing_arguments_are_refused(ask: Ask, left_out: str) -> None:
    arguments = {"namespace": "n", "key": "k", "value": 1}
    del arguments[left_out]
    assert await status_of(ask, "server.database.post_item", **arguments) == 400
    assert (await ask("server.database.list"))["namespaces"] == []


async def test_text_that_utf8_cannot_carry_is_refused(ask: Ask) -> None:
    half = "\ud800"
    post = "server.database.post_item"
    assert await status_of(ask, post, namespace=half, key="k", value=1) == 400
    assert await status_of(ask, post, namespace="n", key=half, value=1) == 400
    assert await status_of(ask, post, namespace="n", key="k", value=half) == 400
    assert await status_of(ask, post, namespace="", key="k", value=1) == 400


async def test_walking_into_a_value_is_not_found(ask: Ask) -> None:
    await ask("server.database.post_item", namespace="n", key="k", value={"list": [1], "x": 1})
    for key in ("k.list.0", "k.x.y", "k.none", "none", "none.x"):
        for method in ("get_item", "delete_item"):
            asked = status_of(ask, f"server.database.{method}", namespace="n", key=key)
            assert await asked == 404


async def test_a_scalar_record_gives_way_and_a_deeper_one_does_not(ask: Ask) -> None:
    post = "server.database.post_item"
    await ask(post, namespace="n", key="k", value=1)
    await ask(post, namespace="n", key="k.a", value=2)
    assert await status_of(ask, post, namespace="n", key="k.a.b", value=3) == 400
    got = await ask("server.database.get_item", namespace="n", key="k")
    assert got["value"] == {"a": 2}


async def test_null_is_stored_inside_records_only(ask: Ask) -> None:
    post = "server.database.post_item"
    await ask(post, namespace="n", key="k", value={"a": 1})
    assert (await ask(post, namespace="n", key="k", value=None))["value"] is None
    assert (await ask("server.database.get_item", namespace="n", key="k"))["value"] == {"a": 1}
    await ask(post, namespace="n", key="k.a", value=None)
    assert (await ask("server.database.get_item", namespace="n", key="k"))["value"] == {"a": None}


async def test_emptied_records_and_namespaces_vanish(ask: Ask) -> None:
    await ask("server.database.post_item", namespace="n", key="k.a.b", value=[1])
    removed = await ask("server.database.delete_item", namespace="n", key="k.a.b")
    assert removed == {"namespace": "n", "key": "k.a.b", "value": [1]}
    assert (await ask("server.database.get_item", namespace="n"))["value"] == {"k": {"a": {}}}
    await ask("server.database.delete_item", namespace="n", key="k.a")
    assert (await ask("server.database.list"))["namespaces"] == []
    assert await status_of(ask, "server.database.get_item", namespace="n") == 404


async def test_reserved_namespaces(tmp_path: Path, nursery: trio.Nursery) -> None:
    database = build(tmp_path, protected=["sensors"], forbidden=["simplyprint"])
    await nursery.start(database.serve)
    ask = client_of(database)
    for namespace in ("moonraker", "sensors", "simplyprint"):
        await database.put_item(namespace, "k", 1)
    protected = {"moonraker", "gcode_metadata", "announcements", "update_manager", "sensors"}
    for namespace in (*protected, "database", "simplyprint"):
        post, delete = "server.database.post_item", "server.database.delete_item"
        assert await status_of(ask, post, namespace=namespace, key="k", value=1) == 403
        assert await status_of(ask, delete, namespace=namespace, key="k") == 403
    assert await status_of(ask, "server.database.get_item", namespace="database") == 403
    assert await status_of(ask, "server.database.get_item", namespace="simplyprint") == 403
    assert (await ask("server.database.get_item", namespace="sensors"))["value"] == {"k": 1}
    assert (await ask("server.database.list"))["namespaces"] == ["moonraker", "sensors"]


async def test_a_namespace_stays_reserved_when_its_part_is_gone(
    tmp_path: Path,
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(build(tmp_path, protected=["p"], forbidden=["f"]).serve)
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        later = build(tmp_path)
        await nursery.start(later.serve)
        ask = client_of(later)
        assert await status_of(ask, "server.database.get_item", namespace="f") == 403
        post = "server.database.post_item"
        assert await status_of(ask, post, namespace="p", key="k", value=1) == 403
        nursery.cancel_scope.cancel()


def test_the_methods_that_front_ends_know(tmp_path: Path) -> None:
    def named(debug: bool) -> set[str | None]:
        return {method.rpc for method in Table(build(tmp_path, debug=debug).endpoints())}

    server = {
        f"server.database.{name}"
        for name in (
            "list", "get_item", "post_item", "delete_item", "compact", "post_backup",
            "delete_backup", "restore",
        )
    }  # fmt: skip
    items = ("list", "get_item", "post_item", "delete_item", "table")
    assert named(debug=False) == server
    assert named(debug=True) == server | {f"debug.database.{name}" for name in items}


def test_the_reference_can_be_generated(tmp_path: Path) -> None:
    table = Table(build(tmp_path, debug=True).endpoints())
    assert len(openrpc(table)["methods"]) == 13
    assert "/server/database/item" in openapi(table)["paths"]


async def test_debug_methods_exist_with_g_only(
    ask: Ask, tmp_path: Path, nursery: trio.Nursery
) -> None:
    for name in ("list", "get_item", "post_item", "delete_item", "table"):
        assert await status_of(ask, f"debug.database.{name}") == 404
    debugged = build(tmp_path / "other", debug=True)
    await nursery.start(debugged.serve)
    ask = client_of(debugged)
    await ask("debug.database.post_item", namespace="moonraker", key="a.b", value=1)
    got = await ask("debug.database.get_item", namespace="moonraker", key="a")
    assert got == {"namespace": "moonraker", "key": "a", "value": {"b": 1}}
    await ask("debug.database.delete_item", namespace="moonraker", key="a.b")
    listed = await ask("debug.database.list")
    assert listed["namespaces"] == ["database"]
    assert {"namespace_store", "job_history", "job_totals", "users"} <= set(listed["tables"])
    counted = await ask("debug.database.get_item", namespace="database", key="debug_counter")
    assert counted["value"] == 4


async def test_table_dump_hides_secrets(tmp_path: Path, nursery: trio.Nursery) -> None:
    database = build(tmp_path, debug=True)
    await nursery.start(database.serve)
    sql = "INSERT INTO users (username, password, salt, source, created_on) VALUES (?, ?, ?, ?, ?)"
    await database.run(lambda c: c.execute(sql, ("me", "hash", "salt", "moonraker", 1.5)).rowcount)
    ask = client_of(database)
    dump = await ask("debug.database.table", table="users")
    (row,) = dump["rows"]
    assert dump["table_name"] == "users"
    assert row["rowid"] == 1
    assert (row["username"], row["created_on"], row["groups"]) == ("me", 1.5, [])
    assert row["password"] is row["salt"] is row["jwt_secret"] is None
    await database.put_items("simplyprint", {"printer_token": "planted"})
    await database.put_items("mine", {"key": "shown"})
    rows = (await ask("debug.database.table", table="namespace_store"))["rows"]
    shown = {row["namespace"]: row["value"] for row in rows}
    assert (shown["mine"], shown["simplyprint"]) == ("shown", None)
    assert await status_of(ask, "debug.database.table", table='no"such') == 404


@pytest.mark.parametrize("namespace", ["timelapse", "webcams"])
async def test_who_operates_changes_nothing_of_an_admin_by_its_namespace(
    database: Database, namespace: str
) -> None:
    """Their own methods want an admin: for webcams, and for ffmpeg's arguments."""
    operator = client_of(database, Caller(Transport.WEBSOCKET, role=Role.OPERATE))
    admin = client_of(database)
    item = {"namespace": namespace, "key": "uid"}
    await admin("server.database.post_item", **item, value={"name": "cam"})
    for method in ("post_item", "delete_item"):
        with pytest.raises(ClientError, match="needs the role admin; yours is operate") as refused:
            await operator(f"server.database.{method}", **item, value={"name": "spy"})
        assert refused.value.status == 403
    answer = await operator("server.database.get_item", **item)
    assert answer["value"] == {"name": "cam"}
    await operator("server.database.post_item", namespace="fluidd", key="a", value=1)
    await admin("server.database.delete_item", **item)


async def test_clients_find_the_id_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where Moonraker keeps it; a backup of another machine does not bring that one's along."""
    asked = {"namespace": "moonraker", "key": "instance_id"}
    for instance_id in ("0" * 32, "0" * 32, "f" * 32):
        async with trio.open_nursery() as nursery:
            database = build(tmp_path, instance_id=instance_id)
            await nursery.start(database.serve)
            ask = client_of(database)
            assert (await ask("server.database.get_item", **asked))["value"] == instance_id
            assert await status_of(ask, "server.database.post_item", value="x", **asked) == 403
            nursery.cancel_scope.cancel()

    def fail(*_: object) -> None:
        raise ClientError("database or disk is full", 507)

    monkeypatch.setattr(store, "note_instance", fail)
    async with trio.open_nursery() as nursery:
        database = build(tmp_path, instance_id="1" * 32)
        await nursery.start(database.serve)
        assert (await client_of(database)("server.database.get_item", **asked))["value"] == "f" * 32
        assert "clients do not find the id of this installation" in caplog.text
        nursery.cancel_scope.cancel()


async def test_who_keeps_a_namespace_in_memory_reads_it_behind_each_write(
    database: Database, ask: Ask
) -> None:
    seen: list[Any] = []

    async def read_again() -> None:
        seen.append(await database.items("cams"))

    database.on_client_write("cams", read_again)
    await ask("server.database.post_item", namespace="cams", key="a", value=1)
    assert seen == [{"a": 1}]
    await ask("server.database.post_item", namespace="other", key="a", value=1)
    await database.put_item("cams", "b", 2)
    assert len(seen) == 1
    await ask("server.database.delete_item", namespace="cams", key="a")
    assert seen[1:] == [{"b": 2}]


async def test_a_write_counts_where_it_cannot_be_read_again(
    database: Database, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ClientError("the database is busy", 503)

    database.on_client_write("cams", fail)
    await ask("server.database.post_item", namespace="cams", key="a", value=1)
    assert await database.get_item("cams", "a") == 1
    assert "namespace cams is not read again: the database is busy" in caplog.text


async def test_a_caller_that_left_is_read_again_too(database: Database, ask: Ask) -> None:
    read = trio.Event()

    async def read_again() -> None:
        await trio.lowlevel.checkpoint()
        read.set()

    database.on_client_write("cams", read_again)
    with trio.CancelScope() as scope:
        scope.cancel()
        await ask("server.database.post_item", namespace="cams", key="a", value=1)
    assert scope.cancelled_caught
    assert read.is_set()


async def test_a_reader_that_takes_too_long_holds_no_write_up(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    database = MemoryDatabase()
    database.on_client_write("cams", trio.sleep_forever)
    before = trio.current_time()
    ask = client_of(database)
    await ask("server.database.post_item", namespace="cams", key="a", value=1)
    assert trio.current_time() == before + READ_AGAIN_S
    assert await database.get_item("cams", "a") == 1
    assert "namespace cams is not read again: that takes too long" in caplog.text
    database.close()
