"""What other subsystems use, on the real database and on the fake that stands in for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from mrk.database.database_protocols import DatabasePort, SqlConnection
from mrk.errors import ClientError
from nurseries.testing.memory_database import MemoryDatabase
from tests.nurseries.database.conftest import build


@pytest.fixture(params=["real", "fake"])
async def port(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DatabasePort]:
    if request.param == "fake":
        fake = MemoryDatabase()
        yield fake
        fake.close()
        return
    real = build(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(real.serve)
        yield real
        nursery.cancel_scope.cancel()


async def test_items(port: DatabasePort) -> None:
    assert await port.get_item("n", "a.b") is None
    await port.put_items("n", {"a.b": {"x": 1}, "c": [1]})
    await port.put_item("n", ("a.b", "y"), "z")
    assert await port.get_item("n", "a.b") == {"x": 1, "y": "z"}
    assert await port.get_item("n", ("a.b", "y")) == "z"
    assert await port.items("n") == {"a.b": {"x": 1, "y": "z"}, "c": [1]}
    assert await port.delete_item("n", ("a.b", "x")) == 1
    assert await port.delete_item("n", "none") is None
    assert await port.items("none") == {}


def start_job(connection: SqlConnection) -> int | None:
    sql = "INSERT INTO job_history (filename, status, start_time) VALUES ('a', 'in_progress', ?)"
    return connection.execute(sql, (5.0,)).lastrowid


async def test_tables(port: DatabasePort) -> None:
    assert await port.run(start_job) == 1
    assert await port.run(start_job, durable=True) == 2

    def fail(connection: SqlConnection) -> None:
        start_job(connection)
        raise ClientError("no", 409)

    with pytest.raises(ClientError, match="no"):
        await port.run(fail)
    count = await port.run(lambda c: c.execute("SELECT count(*) FROM job_history").fetchone())
    assert count == (2,)


async def test_the_fake_can_fail() -> None:
    fake = MemoryDatabase()
    fake.failure = ClientError("The disk is full", 507)
    with pytest.raises(ClientError, match="full"):
        await fake.put_item("n", "k", 1)
    fake.close()
