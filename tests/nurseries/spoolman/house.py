"""The spool reporter on a printer that pushes filament, and a Spoolman without sockets."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from mrk.spool.schema import SPOOL_MIGRATIONS
from nurseries.spoolman.reporter import SpoolReporter
from nurseries.spoolman.server import SpoolmanServer
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.extruder_klippy import ExtruderKlippy
from tests.fakes.results import settled
from tests.fakes.spoolman_http import URL, SpoolmanHttp

SYNC_S = 5.0


class StubLink:
    """`SpoolmanLink` without a websocket: a test says what it sees."""

    def __init__(self) -> None:
        self.connected = False
        self.on_connected: Callable[[bool], None] = lambda connected: None
        self.on_deleted: Callable[[int], None] = lambda spool_id: None

    @property
    def was_connected(self) -> bool:
        return self.connected

    async def first_attempt(self) -> None:
        await trio.lowlevel.checkpoint()

    def connect(self, connected: bool = True) -> None:
        if connected != self.connected:
            self.connected = connected
            self.on_connected(connected)


class Mortal:
    """A port of a process that may be killed: then its calls do nothing any more."""

    def __init__(self, port: Any, dead: trio.Event) -> None:
        self._port = port
        self._dead = dead

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._dead.is_set():
                await trio.sleep_forever()
            return await getattr(self._port, name)(*args, **kwargs)

        return call


class Workshop:
    """What outlives mrk: printer, database, Spoolman."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.klippy = ExtruderKlippy()
        self.database = MemoryDatabase(SPOOL_MIGRATIONS)
        self.http = SpoolmanHttp(nursery)

    @property
    def rules(self) -> Any:
        return self.http.rules


class Mrk:
    """One running mrk, as far as spools go."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.clients = Clients()
        self.link = StubLink()
        shop.klippy.methods.clear()
        self.dead = trio.Event()
        self.reporter = SpoolReporter(
            shop.klippy,
            Mortal(shop.database, self.dead),
            self.clients,
            SpoolmanServer(URL, Mortal(shop.http, self.dead)),
            self.link,  # type: ignore[arg-type]
            sync_rate_s=SYNC_S,
        )
        self.table = Table(self.reporter.endpoints())
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        self.client = Client(1, Transport.UNIX, outbox, authorized=True)
        self.clients.add(self.client)
        self.scope = trio.CancelScope()

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        with self.scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.reporter.serve)
                task_status.started()

    def kill(self) -> None:
        """As at SIGKILL: from now on nothing is stored or sent."""
        self.dead.set()
        self.scope.cancel()

    async def call(self, method: str, *, role: Role = Role.ADMIN, **params: Any) -> Any:
        caller = Caller(Transport.UNIX, role=role)
        outcome = self.table.method(f"server.spoolman.{method}", Transport.UNIX).call(
            params, caller
        )
        result = await settled(outcome)
        return json.loads(msgspec.json.encode(result))

    def notes(self, method: str) -> list[Any]:
        messages = [json.loads(line) for line in self.client.outbox.take().splitlines()]
        return [one["params"][0] for one in messages if one["method"] == method]

    async def pending(self) -> dict[int, float]:
        status = await self.call("status")
        return {one["spool_id"]: one["filament_used"] for one in status["pending_reports"]}


@contextlib.asynccontextmanager
async def open_workshop() -> AsyncIterator[Workshop]:
    async with trio.open_nursery() as nursery:
        shop = Workshop(nursery)
        yield shop
        nursery.cancel_scope.cancel()
    shop.database.close()


@contextlib.asynccontextmanager
async def open_mrk(shop: Workshop, *, connected: bool = True) -> AsyncIterator[Mrk]:
    """Running; it ends as at SIGTERM when the block is left."""
    mrk = Mrk(shop)
    async with trio.open_nursery() as nursery:
        await nursery.start(mrk.run)
        mrk.link.connect(connected)
        await trio.testing.wait_all_tasks_blocked()
        yield mrk
        mrk.scope.cancel()


async def beats(count: float = 1) -> None:
    """Let that many report intervals pass."""
    await trio.sleep(count * SYNC_S + 0.5)
    await trio.testing.wait_all_tasks_blocked()
