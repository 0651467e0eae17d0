"""Taking over Moonraker's database: SQLite, its write-ahead log, LMDB; once, and untouched."""

import hashlib
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import trio

from mrk.access.accounts import API_KEY_USER
from nurseries.database.importer import run_import
from nurseries.database.subsystem import Database
from tests.mrk.database.test_moonraker import encode
from tests.nurseries.database.conftest import build
from tests.nurseries.database.test_maintenance import SAMPLE

TABLES = """
CREATE TABLE table_registry (name TEXT NOT NULL PRIMARY KEY, prototype TEXT NOT NULL, version INT);
CREATE TABLE namespace_store (namespace TEXT NOT NULL, key TEXT NOT NULL, value record NOT NULL,
    PRIMARY KEY (namespace, key));
CREATE TABLE authorized_users (username TEXT PRIMARY KEY NOT NULL, password TEXT NOT NULL,
    created_on REAL NOT NULL, salt TEXT NOT NULL, source TEXT NOT NULL, jwt_secret TEXT,
    jwk_id TEXT, groups pyjson);
CREATE TABLE job_history (job_id INTEGER PRIMARY KEY ASC, user TEXT NOT NULL, filename TEXT,
    status TEXT NOT NULL, start_time REAL NOT NULL, end_time REAL, print_duration REAL NOT NULL,
    total_duration REAL NOT NULL, filament_used REAL NOT NULL, metadata pyjson,
    auxiliary_data pyjson NOT NULL, instance_id TEXT NOT NULL);
CREATE TABLE job_totals (provider TEXT NOT NULL, field TEXT NOT NULL, maximum REAL, total REAL,
    instance_id TEXT NOT NULL, PRIMARY KEY (provider, field, instance_id));
CREATE TABLE spool_notes (a);
"""
NAMESPACES: dict[str, dict[str, Any]] = {
    "fluidd": {"uiSettings": {"dark": True}, "a.b": [1]},
    "scalars": {"int": 7, "float": 2.5, "bool": True, "text": "größe"},
    "webcams": {"uid-1": {"name": "cam", "urlStream": "/webcam"}},
    "announcements": {"feed/1": {"dismissed": True}},
    "database": {"protected_namespaces": ["announcements", "timelapse"]},
}
JOBS = [(1, "a.gcode", "completed", 100.0, 200.0), (2, "b.gcode", "in_progress", 300.0, None)]


def make_source(folder: Path, *, jobs: int = 2, journal_mode: str = "delete") -> sqlite3.Connection:
    (folder / "database").mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / "database" / "moonraker-sql.db", isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    connection.executescript(TABLES)
    for namespace, items in NAMESPACES.items():
        for key, value in items.items():
            row = (namespace, key, encode(value))
            connection.execute("INSERT INTO namespace_store VALUES (?, ?, ?)", row)
    for job_id, name, status, start, end in JOBS[:jobs]:
        connection.execute(
            "INSERT INTO job_history VALUES (?, 'me', ?, ?, ?, ?, 1, 2, 3, ?, '[]', 'default')",
            (job_id, name, status, start, end, b'{"size":5}'),
        )
    connection.execute(
        "INSERT INTO job_totals VALUES ('history', 'total_jobs', NULL, 2, 'default')"
    )
    connection.execute(
        "INSERT INTO job_totals VALUES ('history', 'longest_job', 9, NULL, 'default')"
    )
    connection.execute(
        "INSERT INTO authorized_users VALUES ('ann', 'hash', 5, 'ab', 'moonraker', 's', 'i', ?),"
        " (?, 'the key', 4, '', 'moonraker', NULL, NULL, NULL)",
        (b'["admin"]', API_KEY_USER),
    )
    return connection


def contents(folder: Path) -> dict[str, Any]:
    """All rows of what was imported, without the notes on the import."""
    connection = sqlite3.connect(folder / "database" / "mrk.db")
    sql = "SELECT namespace, key, value FROM namespace_store WHERE namespace != 'database'"
    namespaces: dict[str, Any] = {}
    for namespace, key, value in connection.execute(sql):
        namespaces.setdefault(namespace, {})[key] = msgspec.json.decode(value)
    found = {
        "namespaces": namespaces,
        **{
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("job_history", "job_totals", "users", "api_keys")
        },
    }
    connection.close()
    return found


def fingerprint(folder: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_everything_is_taken_and_the_source_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    make_source(old).close()
    before = fingerprint(old)
    assert run_import(new, old, False) == 0
    assert fingerprint(old) == before
    taken = contents(new)
    assert taken["namespaces"] == {k: v for k, v in NAMESPACES.items() if k != "database"}
    assert taken["job_history"] == [
        (1, "me", "a.gcode", "completed", 100.0, 200.0, 1.0, 2.0, 3.0, '{"size":5}', "[]"),
        (2, "me", "b.gcode", "interrupted", 300.0, None, 1.0, 2.0, 3.0, '{"size":5}', "[]"),
    ]
    assert taken["job_totals"] == [
        ("history", "longest_job", 9.0, None),
        ("history", "total_jobs", None, 2.0),
    ]
    user = ("ann", "hash", "ab", "moonraker", 5.0, "s", "i", '["admin"]', "admin")
    assert taken["users"] == [user]
    assert taken["api_keys"] == [(API_KEY_USER, "the key", 4.0)]
    said = capsys.readouterr().out
    for part in (
        "fluidd (2)",
        "webcams (1)",
        "2 jobs",
        "2 totals",
        "ann",
        "API key",
        "spool_notes",
    ):
        assert part in said
    assert "the key" not in said


def test_a_second_time_changes_nothing_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    source = make_source(old, jobs=1)
    assert run_import(new, old, False) == 0
    once = contents(new)
    source.execute("UPDATE namespace_store SET value = ? WHERE key = 'int'", (encode(8),))
    source.execute("UPDATE job_totals SET total = 3 WHERE total = 2")
    row = (*JOBS[1][:3], *JOBS[1][3:], b"{}")
    source.execute(
        "INSERT INTO job_history VALUES (?, 'me', ?, ?, ?, ?, 1, 2, 3, ?, '[]', 'default')", row
    )
    source.close()
    capsys.readouterr()
    assert run_import(new, old, False) == 0
    assert "--again" in capsys.readouterr().out
    assert contents(new) == once
    assert run_import(new, old, True) == 0
    twice = contents(new)
    assert twice["namespaces"]["scalars"]["int"] == 8
    assert [row[0] for row in twice["job_history"]] == [1, 2]
    assert twice["job_totals"][1] == ("history", "total_jobs", None, 3.0)
    assert "1 jobs were here already" in capsys.readouterr().out


def test_who_was_given_a_role_keeps_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    source = make_source(old)
    assert run_import(new, old, False) == 0
    here = sqlite3.connect(new / "database" / "mrk.db", isolation_level=None)
    assert here.execute("SELECT role FROM users").fetchall() == [("admin",)]
    here.execute("UPDATE users SET role = 'view', password = 'new'")
    here.close()
    source.execute("UPDATE authorized_users SET password = 'other' WHERE username = 'ann'")
    source.close()
    assert run_import(new, old, True) == 0
    here = sqlite3.connect(new / "database" / "mrk.db")
    assert here.execute("SELECT role, password FROM users").fetchall() == [("view", "other")]
    here.close()


def test_what_moonraker_left_as_it_was_stays_as_it_is_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To mrk, back to Moonraker, and to mrk again: each keeps what was changed with it."""
    old, new = tmp_path / "old", tmp_path / "new"
    source = make_source(old)
    assert run_import(new, old, False) == 0
    here = sqlite3.connect(new / "database" / "mrk.db", isolation_level=None)
    here.execute("UPDATE namespace_store SET value = '8' WHERE key IN ('int', 'float')")
    here.execute("DELETE FROM namespace_store WHERE namespace = 'webcams'")
    here.execute("DELETE FROM job_history WHERE job_id = 1")
    here.execute("DELETE FROM users")
    here.execute("UPDATE api_keys SET key_text = 'a new key'")
    here.close()
    # A log-in there changes a row, but not the account.
    source.execute("UPDATE authorized_users SET jwk_id = 'later', jwt_secret = 'more'")
    source.execute("UPDATE namespace_store SET value = ? WHERE key = 'float'", (encode(9.5),))
    source.execute("INSERT INTO namespace_store VALUES ('fluidd', 'late', ?)", (encode(1),))
    capsys.readouterr()
    for unchanged in (9, 11):  # so a third time
        assert run_import(new, old, True) == 0
        assert f"at the last import: {unchanged} records and users" in capsys.readouterr().out
        merged = contents(new)
        scalars = {**NAMESPACES["scalars"], "int": 8, "float": 9.5}
        assert merged["namespaces"] == {
            "fluidd": {**NAMESPACES["fluidd"], "late": 1},
            "scalars": scalars,
            "announcements": NAMESPACES["announcements"],
        }
        assert [row[0] for row in merged["job_history"]] == [2]
        assert merged["users"] == []
        assert merged["api_keys"] == [(API_KEY_USER, "a new key", 4.0)]
    source.close()
    assert run_import(new, old, True, everything=True) == 0
    replaced = contents(new)
    assert replaced["namespaces"]["webcams"] == NAMESPACES["webcams"]
    assert replaced["namespaces"]["scalars"]["int"] == 7
    assert [row[0] for row in replaced["job_history"]] == [1, 2]
    assert replaced["api_keys"] == [(API_KEY_USER, "the key", 4.0)]
    assert replaced["job_totals"] == merged["job_totals"], "totals are never added twice"


async def test_what_mrk_has_already_is_kept_beside(tmp_path: Path) -> None:
    """Jobs get the next free number, totals are added, records of the same name replaced."""
    old, new = tmp_path / "old", tmp_path / "new"
    make_source(old).close()
    async with trio.open_nursery() as nursery:
        database = build(new)
        await nursery.start(database.serve)
        await database.put_items("fluidd", {"uiSettings": {"dark": False}, "mine": 1})
        await database.run(add_job)
        nursery.cancel_scope.cancel()
    assert run_import(new, old, False) == 0
    taken = contents(new)
    assert taken["namespaces"]["fluidd"] == {"uiSettings": {"dark": True}, "a.b": [1], "mine": 1}
    assert [(row[0], row[2]) for row in taken["job_history"]] == [
        (1, "own.gcode"), (2, "a.gcode"), (3, "b.gcode"),
    ]  # fmt: skip
    assert taken["job_totals"][1] == ("history", "total_jobs", None, 3.0)


def add_job(connection: Any) -> None:
    connection.execute(
        "INSERT INTO job_history (filename, status, start_time)"
        " VALUES ('own.gcode', 'completed', 50)"
    )
    connection.execute("INSERT INTO job_totals VALUES ('history', 'total_jobs', NULL, 1)")


async def test_the_reserved_namespaces_of_the_source_stay_reserved(tmp_path: Path) -> None:
    make_source(tmp_path / "old").close()
    run_import(tmp_path / "new", tmp_path / "old", False)
    async with trio.open_nursery() as nursery:
        database = build(tmp_path / "new")
        await nursery.start(database.serve)
        protected = await database.get_item("database", "protected_namespaces")
        assert {"timelapse", "moonraker"} <= set(protected)
        nursery.cancel_scope.cancel()


def test_what_stands_in_the_write_ahead_log_is_taken(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    source = make_source(old, journal_mode="wal")
    source.execute("PRAGMA wal_autocheckpoint = 0")
    source.execute("INSERT INTO namespace_store VALUES ('late', 'k', ?)", (encode("x"),))
    # As a killed Moonraker leaves it: the log beside the file.
    left = tmp_path / "left" / "database"
    left.mkdir(parents=True)
    for path in (old / "database").iterdir():
        (left / path.name).write_bytes(path.read_bytes())
    source.close()
    before = fingerprint(left)
    assert run_import(new, left.parent, False) == 0
    assert fingerprint(left) == before
    assert contents(new)["namespaces"]["late"] == {"k": "x"}


def test_both_may_live_in_one_data_folder(tmp_path: Path) -> None:
    make_source(tmp_path).close()
    before = fingerprint(tmp_path)
    assert run_import(tmp_path, tmp_path, False) == 0
    after = fingerprint(tmp_path)
    assert {name: after[name] for name in before} == before
    assert contents(tmp_path)["namespaces"]["scalars"]["int"] == 7


def test_the_sample_is_taken(tmp_path: Path) -> None:
    assert run_import(tmp_path, SAMPLE, False) == 0
    taken = contents(tmp_path)
    assert taken["namespaces"]["scalars"] == {
        "anint": 7, "afloat": 2.5, "abool": True, "astring": "grüße", "alist": [1, "2"],
    }  # fmt: skip
    assert taken["namespaces"]["moonraker"]["announcements"] == {"stored_feeds": ["myfeed"]}
    (webcam,) = taken["namespaces"]["webcams"].values()
    assert webcam["name"] == "old cam"
    assert [row[3] for row in taken["job_history"]] == [
        "completed", "completed", "cancelled", "completed",
    ]  # fmt: skip
    assert ("history", "total_jobs", None, 4.0) in taken["job_totals"]
    (user,) = taken["users"]
    salt, password = bytes.fromhex(user[2]), "old pässword 1".encode()
    assert hashlib.pbkdf2_hmac("sha256", password, salt, 100_000).hex() == user[1]
    assert len(taken["api_keys"]) == 1


def test_the_older_lmdb_folder_is_taken(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "database").mkdir(parents=True)
    namespaces = {
        **NAMESPACES,
        "history": {"000001": {"filename": "a.gcode", "status": "completed", "start_time": 5.0}},
        "authorized_users": {
            "ann": {"username": "ann", "password": "hash", "salt": "ab", "created_on": 5.0},
            API_KEY_USER: {"username": API_KEY_USER, "api_key": "the key", "created_on": 4.0},
        },
        "moonraker": {"history": {"job_totals": {"total_jobs": 1}}, "instance_id": "x"},
    }
    with lmdb.open(str(old / "database"), max_dbs=20) as environment:
        for namespace, items in namespaces.items():
            inside = environment.open_db(namespace.encode())
            with environment.begin(write=True, db=inside) as writing:
                for key, value in items.items():
                    writing.put(key.encode(), encode(value))
    (old / "database" / "lock.mdb").unlink()
    before = fingerprint(old)
    assert run_import(new, old, False) == 0
    assert fingerprint(old) == before
    taken = contents(new)
    assert taken["namespaces"] == {
        **{k: v for k, v in NAMESPACES.items() if k != "database"},
        "moonraker": {"instance_id": "x"},
    }
    assert taken["job_history"][0][:4] == (1, "No User", "a.gcode", "completed")
    assert taken["job_totals"] == [("history", "total_jobs", None, 1.0)]
    assert taken["users"][0][:4] == ("ann", "hash", "ab", "moonraker")
    assert taken["api_keys"] == [(API_KEY_USER, "the key", 4.0)]


def test_an_lmdb_file_that_is_cut_off_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The library reads beyond its end, which ends the process."""
    lmdb = pytest.importorskip("lmdb")
    folder = tmp_path / "database"
    folder.mkdir()
    with lmdb.open(str(folder), max_dbs=2) as environment:
        inside = environment.open_db(b"fluidd")
        with environment.begin(write=True, db=inside) as writing:
            for number in range(2000):
                writing.put(b"key %d" % number, encode("x" * 500))
    file = folder / "data.mdb"
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    assert run_import(tmp_path, tmp_path, False) == 1
    told = capsys.readouterr().out
    assert f"error: {file} cannot be read: it is cut off or damaged" in told
    assert "SIGBUS" in told
    file.write_bytes(b"x" * 20_000)
    assert run_import(tmp_path, tmp_path, False) == 1
    assert "not an LMDB file" in capsys.readouterr().out


def test_what_cannot_be_read_is_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_source(tmp_path / "old")
    source.execute("INSERT INTO namespace_store VALUES ('n', 'bad', ?)", (b"{not json",))
    source.execute("INSERT INTO namespace_store VALUES ('n', 'good', ?)", (encode(1),))
    source.execute("UPDATE job_history SET metadata = 'nonsense' WHERE job_id = 1")
    source.close()
    assert run_import(tmp_path / "new", tmp_path / "old", False) == 0
    taken = contents(tmp_path / "new")
    assert taken["namespaces"]["n"] == {"good": 1}
    assert taken["job_history"][0][9] == "{}"
    said = capsys.readouterr().out
    assert "n: bad left out" in said
    assert "job 1: metadata left out" in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE job_totals SET total = x'73ff'", "left out: it is no number"),
        ("UPDATE job_totals SET total = 'nan'", "left out: it is no number"),
        ("UPDATE job_totals SET maximum = 9e999", "left out: it is no number"),
        ("UPDATE authorized_users SET groups = 5", "5 is no text"),
        (
            "UPDATE namespace_store SET key = x'61' WHERE key = 'a.b'",
            "left out: the name is no text",
        ),
        ("UPDATE job_history SET metadata = 2.5 WHERE job_id = 1", "job 1: metadata left out"),
        ("UPDATE job_history SET metadata = CAST(x'22ff22' AS TEXT) WHERE job_id = 1", ""),
        ("UPDATE job_history SET filename = CAST(x'61ff' AS TEXT) WHERE job_id = 1", ""),
        ("UPDATE job_history SET status = x'71', user = x'ff' WHERE job_id = 1", ""),
        ("UPDATE authorized_users SET source = x'ff', salt = 7", ""),
    ],
)
def test_values_of_odd_types_cost_themselves_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, told: str
) -> None:
    source = make_source(tmp_path / "old")
    assert source.execute(change).rowcount > 0
    source.close()
    assert run_import(tmp_path / "new", tmp_path / "old", False) == 0
    assert told in capsys.readouterr().out
    taken = contents(tmp_path / "new")
    assert taken["namespaces"]["scalars"] == NAMESPACES["scalars"]
    assert len(taken["job_history"]) == len(JOBS)
    for table in ("job_history", "job_totals", "users"):
        assert not any(isinstance(value, bytes) for row in taken[table] for value in row)


@pytest.mark.parametrize("kind", ["nothing", "text", "other database"])
def test_what_is_no_source_is_an_error(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old"
    (old / "database").mkdir(parents=True)
    file = old / "database" / "moonraker-sql.db"
    if kind == "text":
        file.write_text("no database at all" * 1000)
    elif kind == "other database":
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE x (y)")
        other.close()
    assert run_import(tmp_path / "new", old, False) == 1
    told = capsys.readouterr().out
    assert told.startswith("error: ")
    # Moonraker does not start with a damaged one: what helps is told.
    assert ("Move it away to begin without it" in told) == (kind == "text")
    assert run_import(tmp_path / "new", SAMPLE, False) == 0


def test_a_full_disk_is_not_filled_further(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    make_source(old).close()
    size = (old / "database/moonraker-sql.db").stat().st_size
    disk = SimpleNamespace(f_bavail=int(size * 2.3), f_frsize=1, f_blocks=10**9)
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk)
    assert run_import(new, old, False) == 1
    assert f"{new}/database has no room: " in capsys.readouterr().out
    assert contents(new)["job_history"] == []
    disk.f_bavail = int(size * 2.5)
    assert run_import(new, old, False) == 0
    # What changes later is little.
    disk.f_bavail = size
    assert run_import(new, old, True) == 0


async def test_it_refuses_while_the_daemon_runs(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_import(tmp_path, SAMPLE, False) == 1
    assert "in use by another mrk" in capsys.readouterr().out
    assert await database.items("fluidd") == {}
