"""`Announcements` running on a database in memory and a web that tests write."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio
import trio.testing

from config.settings.announcements import AnnouncementSettings
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from nurseries.announcements.subsystem import Announcements
from tests.fakes.http_get import FakeHttp
from tests.fakes.items import MemoryItems

NOW = 1_700_000_000.0
URL = "https://feeds.example/{feed}.xml"


def rss(*guids: str) -> bytes:
    items = "".join(
        f"<item><guid>{guid}</guid><title>{guid}</title><link>https://example.org/{guid}</link>"
        f"<pubDate>{day:02} Mar 2022 19:33:39 GMT</pubDate></item>"
        for day, guid in enumerate(guids, 1)
    )
    return f"<rss><channel><title>x</title>{items}</channel></rss>".encode()


class House:
    def __init__(
        self,
        items: MemoryItems | None = None,
        *,
        http: FakeHttp | None = None,
        folder: Path = Path("/nonexistent"),
        wait_for_reader: bool = False,
        **settings: Any,
    ) -> None:
        self.items = items or MemoryItems()
        self.http = http or FakeHttp()
        self.clients = Clients()
        self.clock_ahead_s = 0.0
        self.announcements = Announcements(
            self.items,
            self.clients,
            self.http,
            AnnouncementSettings(**settings),
            folder,
            wall_clock=lambda: NOW + trio.current_time() - self._began + self.clock_ahead_s,
            feed_url=URL,
            wait_for_reader=wait_for_reader,
        )
        self._began = trio.current_time()
        self.table = Table(self.announcements.endpoints())
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        self.client = Client(1, Transport.WEBSOCKET, outbox, authorized=True)
        self.clients.add(self.client)

    def feed(self, name: str, *guids: str, etag: str = "") -> None:
        """Have the web answer for a feed."""
        headers = {"etag": etag} if etag else {}
        self.http.put(URL.format(feed=name), rss(*guids), 200, **headers)

    async def call(self, method: str, **params: Any) -> Any:
        found = self.table.method(f"server.announcements.{method}", Transport.WEBSOCKET)
        result = await found.call(params, Caller(Transport.WEBSOCKET))
        return json.loads(msgspec.json.encode(result))

    async def ids(self, **params: Any) -> list[str]:
        entries = (await self.call("list", **params))["entries"]
        return [entry["entry_id"] for entry in entries]

    def told(self) -> list[tuple[str, Any]]:
        """Take the notifications that wait: short name, and ids."""
        lines = self.client.outbox.take().splitlines()
        return [_short(json.loads(line)) for line in lines]

    def asked(self) -> list[str]:
        """Take the names of feeds that the web was asked for."""
        urls = [url for url, _headers in self.http.asked]
        self.http.asked.clear()
        return sorted(url.rpartition("/")[2].removesuffix(".xml") for url in urls)


def _short(note: dict[str, Any]) -> tuple[str, Any]:
    (said,) = note["params"]
    name = note["method"].removeprefix("notify_announcement_")
    if name == "update":
        assert set(said) == {"entries"}
        return name, [entry["entry_id"] for entry in said["entries"]]
    assert set(said) == {"entry_id"}
    return name, said["entry_id"]


@asynccontextmanager
async def open_house(items: MemoryItems | None = None, **options: Any) -> AsyncIterator[House]:
    """Served while the block lasts."""
    house = House(items, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(house.announcements.serve)
        yield house
        nursery.cancel_scope.cancel()
