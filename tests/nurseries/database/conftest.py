"""A database on a folder of its own, and a client that asks it by method name."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from mrk.api.caller import INTERNAL_CALLER, Caller, Transport
from mrk.api.outcome import Outcome
from mrk.api.perform import perform
from mrk.api.table import Table
from mrk.errors import ClientError
from nurseries.database.subsystem import Database
from nurseries.testing.memory_database import MemoryDatabase

Ask = Callable[..., Awaitable[Any]]


def folder_of(data: Path) -> Path:
    return data / "database"


def build(data: Path, **options: Any) -> Database:
    return Database(folder_of(data), data / "backup" / "database", **options)


def encoded(result: Any) -> Outcome[bytes]:
    return Outcome(msgspec.json.encode(result))


def fail(error: ClientError) -> bytes:
    raise error


def client_of(database: Database | MemoryDatabase, caller: Caller = INTERNAL_CALLER) -> Ask:
    table = Table(database.endpoints())

    async def ask(method: str, **arguments: Any) -> Any:
        found = table.method(method, Transport.WEBSOCKET)
        return msgspec.json.decode(await perform(found, arguments, caller, encoded, fail).wait())

    return ask


@pytest.fixture
async def database(tmp_path: Path, nursery: trio.Nursery) -> Database:
    made = build(tmp_path)
    await nursery.start(made.serve)
    return made


@pytest.fixture
def ask(database: Database) -> Ask:
    return client_of(database)
