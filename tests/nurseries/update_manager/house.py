"""The update manager on real repositories and a GitHub on loopback; services are counted only."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from config.settings.update_items import UpdateItemSettings
from config.settings.update_manager import UpdateManagerSettings
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.machine.machine_protocols import InstanceIds, UnitStatus
from mrk.machine.services import ServiceError
from mrk.updates.item import UpdateItem
from nurseries.http_client import HttpClient
from nurseries.klippy.link import KlippyLink
from nurseries.testing.memory_database import MemoryDatabase
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.items import ItemMaker
from nurseries.update_manager.refresher import UpdateClock
from nurseries.update_manager.restarts import Restarts
from nurseries.update_manager.stored_items import StoredItems
from nurseries.update_manager.subsystem import UpdateManager
from nurseries.update_manager.unknown_item import UnknownItem
from tests.fakes.results import settled

RUNNING = UnitStatus("active", "running")
FAILED = UnitStatus("failed", "failed")
PATIENCE_S = 30


class FakeServices:
    """`ManagedServices`: units come up, unless `breaks` says that one does not."""

    def __init__(self) -> None:
        self.service_state: dict[str, UnitStatus] = {"klipper": RUNNING, "thing": RUNNING}
        self.instance_ids = InstanceIds("moonraker", "klipper")
        self.allowed = {"thing"}
        self.restarted: list[str] = []
        self.own_restarts = 0
        self.breaks: Callable[[str], bool] = lambda unit: False

    async def start(self, unit: str) -> None: ...

    async def stop(self, unit: str) -> None: ...

    async def restart(self, unit: str) -> None:
        await trio.lowlevel.checkpoint()
        if unit not in self.service_state:
            raise ServiceError(f"no unit {unit}")
        self.restarted.append(unit)
        self.service_state[unit] = FAILED if self.breaks(unit) else RUNNING

    def restart_own(self) -> None:
        self.own_restarts += 1

    def is_allowed(self, unit: str) -> bool:
        return unit in self.allowed

    def is_own(self, unit: str) -> bool:
        return unit == self.instance_ids.moonraker


class UpdateHouse:
    """What runs, and short ways to use it."""

    def __init__(self, home: Path, github_url: str, *items: UpdateItemSettings) -> None:
        self.clients = Clients()
        self.database = MemoryDatabase()
        self.services = FakeServices()
        self.home = home
        self.printing = False
        self.now = 1_750_000_000.0
        self.hour = 12
        self.again_s: tuple[float, ...] = ()
        self.github_url = github_url
        self.settings = UpdateManagerSettings(items=items)
        outbox = Outbox(lambda payload: payload + b"\n", 40_000_000, lambda: None)
        self.client = Client(self.clients.next_id(), Transport.UNIX, outbox, authorized=True)
        self.clients.add(self.client)
        self.packages: Any = None
        self.idle_s = 30.0
        self.built_in: dict[str, UpdateItem] = {"moonraker": UnknownItem("moonraker")}
        self.seen: list[tuple[str, Any]] = []

    def build(self) -> UpdateManager:
        """A manager as after a start of the daemon."""
        http = HttpClient()
        github = GitHub(http, base_url=self.github_url, wall_clock=lambda: self.now, between_s=0.01)
        self.klippy = KlippyLink(_no_klippy, self.clients)
        self.manager = UpdateManager(
            self.settings,
            self.klippy,
            self.clients,
            StoredItems(self.database),
            github,
            ItemMaker(
                ChildRunner(niceness=0),
                github,
                Downloader(http, github.scheme, idle_s=self.idle_s),
                http,
                lambda: self.printing,
                self.packages,
                lock_s=0.5,
            ),
            Restarts(
                self.services,
                lambda: self.printing,
                steady_s=0.0,
                watch_s=0.5,
                postponed_beat_s=0.01,
            ),
            lambda: self.printing,
            self.built_in,
            UpdateClock(lambda: self.now, lambda: self.hour, 3600.0, self.again_s),
        )
        self.table = Table(self.manager.endpoints())
        return self.manager

    async def call(self, method: str, **params: Any) -> Any:
        """Call `machine.update.<method>`; the result as a client reads it."""
        name = f"machine.update.{method}"
        with trio.fail_after(PATIENCE_S):
            outcome = self.table.method(name, Transport.UNIX).call(params, Caller(Transport.UNIX))
            result = await settled(outcome)
        return json.loads(msgspec.json.encode(result))

    async def item(self, name: str) -> Any:
        """Its status after a look."""
        return (await self.call("refresh", name=name))["version_info"][name]

    def notes(self, method: str) -> list[Any]:
        """Params of all notifications of a kind so far."""
        for line in self.client.outbox.take().splitlines():
            message = json.loads(line)
            self.seen.append((message["method"], message["params"][0]))
        return [params for name, params in self.seen if name == method]

    def told(self) -> list[str]:
        """The messages of all updates so far."""
        return [note["message"] for note in self.notes("notify_update_response")]

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait for what tells nobody."""
        with trio.fail_after(PATIENCE_S):
            while not done():  # noqa: ASYNC110
                await trio.sleep(0.01)

    async def initialized(self) -> None:
        """Wait for the end of the first pass."""
        await self.until(lambda: self.notes("notify_update_refreshed"))


async def _no_klippy() -> trio.abc.Stream:
    raise OSError("no Klippy here")


@asynccontextmanager
async def running(house: UpdateHouse) -> AsyncIterator[UpdateHouse]:
    """The manager runs, and its first pass is over."""
    manager = house.build()
    house.client.outbox.take()
    house.seen.clear()
    async with trio.open_nursery() as nursery:
        await nursery.start(manager.serve)
        await house.initialized()
        yield house
        nursery.cancel_scope.cancel()
