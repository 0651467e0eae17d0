"""Notifiers of a configuration's text, on a virtual printer in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from config.load import load
from config.paths import Paths
from mrk.jobs.queue import Transitions
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.notifier.attachments import Attachments
from nurseries.notifier.endpoints import NotifierEndpoints
from nurseries.notifier.notifier import Notifier
from nurseries.notifier.subsystem import Notifiers
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.notifications import FakeSender, FakeSnapshots
from tests.fakes.workshop import Shop, open_shop, open_world


class House:
    def __init__(self, shop: Shop, text: str, folder: Path) -> None:
        file = folder / "x.conf"
        file.write_text(f"[server]\n[authorization]\n{text}")
        loaded = load(Paths.resolve(environ={}, data_path=folder, config_file=file))
        assert loaded.warnings == []
        settings = loaded.settings.notifiers
        self.shop = shop
        self.sender, self.snapshots = FakeSender(), FakeSnapshots()
        self.closed: set[Path] = set()
        attachments = Attachments(self.snapshots, self, shop.world.files, folder)
        self.notifiers = Notifiers(
            [Notifier(one, self.sender, attachments) for one in settings],
            self.sender, shop.link, shop.job_state, shop.queue,
        )  # fmt: skip
        endpoints = NotifierEndpoints(settings, self.notifiers, debug=True)
        shop.table.extend(endpoints.endpoints())

    def may_read(self, path: Path) -> bool:
        return path not in self.closed

    async def told(self, count: int = 1) -> list[str]:
        """The bodies of so many messages, once they are there."""
        await self.shop.when(lambda: len(self.sender.sent) >= count)
        return self.sender.bodies

    async def macro(self, name: str, message: str = "") -> None:
        """As a macro does that calls the remote method."""
        self.notifiers._remote(name, message)
        await trio.testing.wait_all_tasks_blocked()


Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def open_house(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_house(text: str, speed: float = 1.0, **more: Any) -> AsyncIterator[House]:
        database = MemoryDatabase(JOB_MIGRATIONS)
        transitions = Transitions(automatic=True, **more)
        async with open_world(database, speed) as world:
            world.put("a.gcode", "b.gcode")
            async with open_shop(world, transitions) as shop, trio.open_nursery() as nursery:
                house = House(shop, text, tmp_path)
                await nursery.start(house.notifiers.serve)
                await trio.testing.wait_all_tasks_blocked()
                yield house
                nursery.cancel_scope.cancel()
        database.close()

    return open_house
