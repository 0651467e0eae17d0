"""Link, printer and data store wired as the root does, on a scripted Klippy."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.klippy.events import Ready
from mrk.supervision import Backoff, Supervision
from nurseries.data_store.subsystem import DataStore
from nurseries.klippy.link import KlippyLink
from nurseries.klippy.printer import Printer
from nurseries.supervise import supervise
from tests.fakes.klippy import FakeKlippy
from tests.fakes.results import settled

Note = tuple[str, list[Any]]


class House:
    """What runs, and short ways to use it."""

    def __init__(self, klippy: FakeKlippy) -> None:
        self.klippy = klippy
        self.clients = Clients()
        self.link = KlippyLink(klippy.open_stream, self.clients)
        self.data_store = DataStore(self.link, wall_clock=lambda: 1_700_000_000.0)
        self.table = Table(unlisted=lambda path: self.printer.unlisted(path))
        self.printer = Printer(self.link, self.clients, self.data_store, self.table.extend)
        self.table.extend([*self.printer.endpoints(), *self.data_store.endpoints()])

    def client(self, transport: Transport = Transport.WEBSOCKET) -> Client:
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        client = Client(self.clients.next_id(), transport, outbox, authorized=True)
        self.clients.add(client)
        return client

    async def call(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        client: Client | None = None,
        transport: Transport | None = None,
    ) -> Any:
        """Call as a client does; the result as it would read it."""
        if transport is None:
            transport = Transport.WEBSOCKET if client is None else client.transport
        caller = Caller(transport, connection_id=None if client is None else client.id)
        outcome = self.table.method(method, transport).call(params or {}, caller)
        result = await settled(outcome)
        return json.loads(msgspec.json.encode(result))

    async def settle(self) -> None:
        await trio.testing.wait_all_tasks_blocked()

    async def until_ready(self) -> None:
        with self.link.open_events("test until ready", 5, Ready) as ready:
            if self.link.klippy_state != "ready":
                await anext(ready)
        await self.settle()


def notes(client: Client) -> list[Note]:
    """Take what waits for a client: (method, params) of each message."""
    messages = [json.loads(line) for line in client.outbox.take().splitlines()]
    return [(message["method"], message.get("params", [])) for message in messages]


@asynccontextmanager
async def open_house(klippy: FakeKlippy | None = None) -> AsyncIterator[House]:
    """Everything running; ended when the block is left."""
    house = House(klippy or FakeKlippy())
    part = Supervision("klippy", essential=True, backoff=Backoff(first_s=0.25, limit_s=0.25))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.klippy.serve)
        await nursery.start(house.printer.serve)
        await nursery.start(house.data_store.serve)
        nursery.start_soon(supervise, part, house.link.serve)
        yield house
        nursery.cancel_scope.cancel()
