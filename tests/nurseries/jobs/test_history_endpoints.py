"""server.history.* over stored jobs, on the real database."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.api.caller import INTERNAL_CALLER, Transport
from mrk.api.table import Table
from mrk.database.database_protocols import SqlConnection
from mrk.errors import ClientError
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.database.subsystem import Database
from nurseries.jobs.history_endpoints import PAGE_JOBS, HistoryEndpoints
from tests.fakes.results import read_result
from tests.fakes.workshop import FakeFiles

Ask = Callable[..., Awaitable[Any]]
JOBS = 2 * PAGE_JOBS + 7


def fill(connection: SqlConnection, count: int) -> None:
    rows = [
        (n, f"{n % 7}.gcode", 1e3 * n, 1e3 * n + 900.123456, f'{{"modified": 500.0, "n": {n}}}')
        for n in range(1, count + 1)
    ]
    connection.executemany(
        "INSERT INTO job_history (job_id, user, filename, status, start_time, end_time, metadata)"
        " VALUES (?, 'No User', ?, 'completed', ?, ?, ?)",
        rows,
    )
    connection.execute(
        "INSERT INTO job_history (job_id, filename, status, start_time, metadata)"
        " VALUES (?, NULL, 'in_progress', ?, 'no JSON')",
        (count + 1, 1000.0 * (count + 1)),
    )


@pytest.fixture
async def ask(tmp_path: Path, nursery: trio.Nursery) -> Ask:
    database = Database(tmp_path / "db", tmp_path / "backup", migrations=JOB_MIGRATIONS)
    await nursery.start(database.serve)
    await database.run(lambda c: fill(c, JOBS))
    files = FakeFiles("1.gcode", "2.gcode")
    files.mtimes["2.gcode"] = 600.0
    table = Table(HistoryEndpoints(database, files, lambda: False).endpoints())

    async def call(method: str, **arguments: Any) -> Any:
        found = table.method(f"server.history.{method}", Transport.WEBSOCKET)
        return await read_result(found.call(arguments, INTERNAL_CALLER))

    return call


async def ids(ask: Ask, **arguments: Any) -> list[int]:
    answer = await ask("list", **arguments)
    assert answer["count"] == len(answer["jobs"])
    return [int(job["job_id"], 16) for job in answer["jobs"]]


async def test_order_and_pages(ask: Ask) -> None:
    everything = list(range(1, JOBS + 2))
    assert await ids(ask) == everything[:-51:-1]
    assert await ids(ask, limit=0, order="ASC") == everything
    assert await ids(ask, limit="-1", start=100) == everything[::-1]
    assert (
        await ids(ask, limit=PAGE_JOBS + 1, start=2, order="asc") == everything[2:][: PAGE_JOBS + 1]
    )
    assert await ids(ask, limit=PAGE_JOBS, order="asc") == everything[:PAGE_JOBS]
    assert await ids(ask, limit=10**30, start=JOBS) == [1]
    assert await ids(ask, start=10**30) == []
    with pytest.raises(ClientError):
        await ask("list", order="up")
    with pytest.raises(ClientError):
        await ask("list", before="x")


async def test_before_and_since_are_strict(ask: Ask) -> None:
    end = 1000.0 * 3 + 900.123456
    assert await ids(ask, before=end, order="asc") == [1, 2]
    assert await ids(ask, before=end + 1e-3, order="asc") == [1, 2, 3]
    assert await ids(ask, since=1000.0 * JOBS) == [JOBS + 1]
    assert await ids(ask, since=1000.0 * (JOBS - 2), before=1e9) == [JOBS, JOBS - 1]
    assert len(await ids(ask, since=-1, before="-1", limit=0)) == JOBS + 1


async def test_one_job(ask: Ask) -> None:
    job = (await ask("get_job", uid="00a"))["job"]
    assert job == {
        "job_id": "00a", "user": "No User", "filename": "3.gcode", "exists": False,
        "status": "completed", "start_time": 10000.0, "end_time": 10900.123456,
        "print_duration": 0.0, "total_duration": 0.0, "filament_used": 0.0,
        "metadata": {"modified": 500.0, "n": 10}, "auxiliary_data": [],
    }  # fmt: skip
    assert (await ask("get_job", uid="1"))["job"]["exists"] is True
    assert (await ask("get_job", uid="2"))["job"]["exists"] is False
    broken = (await ask("get_job", uid=f"{JOBS + 1:X}"))["job"]
    assert (broken["filename"], broken["user"], broken["metadata"]) == ("", None, {})
    for uid, status in (("FFFF", 404), ("F" * 40, 404), ("-1", 404), ("xyz", 404)):
        with pytest.raises(ClientError) as info:
            await ask("get_job", uid=uid)
        assert info.value.status == status


async def test_deleting(ask: Ask) -> None:
    assert await ask("delete_job", uid="00a") == {"deleted_jobs": ["00a"]}
    for arguments, status in (({"uid": "A"}, 404), ({}, 400), ({"uid": "x"}, 404)):
        with pytest.raises(ClientError) as info:
            await ask("delete_job", **arguments)
        assert info.value.status == status
    gone = (await ask("delete_job", all=True))["deleted_jobs"]
    assert (len(gone), gone[0], gone[-1]) == (JOBS, "000001", f"{JOBS + 1:06X}")
    assert await ids(ask) == []
