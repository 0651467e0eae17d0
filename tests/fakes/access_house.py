"""The subsystem `authorization` on a database in memory, with passwords that cost nothing."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio
import trio.testing

from config.settings.authorization import AuthorizationSettings
from mrk.access import passwords
from mrk.access.accounts import TRUSTED_USER
from mrk.access.passwords import Cost, StoredPassword, Verdict
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from nurseries.access.authorization import Authorization
from nurseries.access.logins import LdapUnavailable
from nurseries.server.notices_behind_answers import NoticesBehindAnswers
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.house import Note, notes
from tests.fakes.results import settled

CHEAP = Cost(log2_n=2, r=1, p=1)
NOW_S = 1_700_000_000.0
ADDRESS = "192.0.2.5"
MOONRAKER_DATABASE = Path(__file__).parents[1] / "data/moonraker_database/moonraker-sql.db"


class InlineHasher:
    """In the event loop; counts its checks."""

    def __init__(self, cost: Cost = CHEAP) -> None:
        self.cost = cost
        self.checks = 0

    async def hash(self, password: str) -> str:
        await trio.lowlevel.checkpoint()
        return passwords.hashed(password.encode(), b"salt" * 4, self.cost)

    async def check(
        self, password: str, stored: StoredPassword | None, *, imported_left: bool
    ) -> Verdict:
        self.checks += 1
        await trio.lowlevel.checkpoint()
        data = passwords.encoded(password) or b"-"
        return passwords.check(
            data, stored, b"fresh" * 3, imported_left=imported_left, cost=self.cost
        )


class FakeDirectory:
    """An LDAP server; `users` maps what people type to (password, name)."""

    def __init__(self) -> None:
        self.users: dict[str, tuple[str, str]] = {}
        self.is_up = True
        self.asked = 0

    async def find(self, username: str, password: str) -> str | None:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if not self.is_up:
            raise LdapUnavailable("no answer")
        wanted, name = self.users.get(username, (None, None))
        return name if wanted == password else None


class AccessHouse:
    """What runs, and short ways to use it."""

    def __init__(
        self,
        settings: AuthorizationSettings,
        database: MemoryDatabase,
        directory: FakeDirectory | None,
        hasher: InlineHasher,
    ) -> None:
        self.now_s = NOW_S
        self.clients = Clients()
        self.database = database
        self.hasher = hasher
        self.authorization = Authorization(
            settings,
            database,
            self.clients,
            directory,
            hasher=hasher,
            wall_clock=lambda: self.now_s + trio.current_time(),
        )
        self.accounts = self.authorization.accounts
        self.table = Table(self.authorization.endpoints())

    def caller(self, user: str | None = TRUSTED_USER, **fields: Any) -> Caller:
        return Caller(Transport.HTTP, **{"address": ADDRESS, "user": user, **fields})

    def client(self, transport: Transport = Transport.WEBSOCKET, **fields: Any) -> Client:
        """An open socket of a trusted client."""
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        known = {"address": ADDRESS, "authorized": True, **fields}
        client = Client(self.clients.next_id(), transport, outbox, **known)
        self.clients.add(client)
        return client

    async def call(self, method: str, caller: Caller | None = None, /, **params: Any) -> Any:
        """Call as a client does; the result as it would read it."""
        caller = caller or self.caller()
        outcome = self.table.method(method, caller.transport).call(params, caller)
        result = await settled(outcome)
        return json.loads(msgspec.json.encode(result))

    async def add_user(self, name: str, password: str = "secret", **params: Any) -> Any:
        answer = await self.call("access.post_user", username=name, password=password, **params)
        return answer

    async def login(self, name: str, password: str = "secret", **fields: Any) -> Any:
        caller = self.caller(None, authorized=False, **fields)
        return await self.call("access.login", caller, username=name, password=password)

    async def rows(self, sql: str) -> list[Any]:
        return await self.database.run(lambda connection: connection.execute(sql).fetchall())

    async def told(self, client: Client) -> list[Note]:
        """What a client has been told once everything is quiet."""
        await trio.sleep(0.01)
        return notes(client)


def role(word: str) -> Role:
    return Role[word.upper()]


async def import_moonraker_users(database: MemoryDatabase) -> None:
    """The users that a real Moonraker left: `olduser` with `old pässword 1`, and the API key."""
    source = sqlite3.connect(f"file:{MOONRAKER_DATABASE}?mode=ro&immutable=1", uri=True)
    columns = "username, password, salt, source, created_on"
    rows = source.execute(f"SELECT {columns} FROM authorized_users").fetchall()
    source.close()

    def write(connection: Any) -> None:
        for row in rows:
            if row[0].startswith("_API"):
                connection.execute("INSERT INTO api_keys VALUES (?, ?, ?)", (row[0], row[1], 1.0))
            else:
                connection.execute(f"INSERT INTO users ({columns}) VALUES (?, ?, ?, ?, ?)", row)

    await database.run(write)


@asynccontextmanager
async def open_access_house(
    *,
    database: MemoryDatabase | None = None,
    directory: FakeDirectory | None = None,
    hasher: InlineHasher | None = None,
    **settings: Any,
) -> AsyncIterator[AccessHouse]:
    """Everything running; ended when the block is left."""
    house = AccessHouse(
        AuthorizationSettings(**settings),
        database or MemoryDatabase(),
        directory,
        hasher or InlineHasher(),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(house.authorization.serve)
        await nursery.start(NoticesBehindAnswers(house.clients).serve)
        yield house
        nursery.cancel_scope.cancel()
