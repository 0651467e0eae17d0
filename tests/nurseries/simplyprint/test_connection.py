"""The connection alone, on real websockets: set-up, tokens, and a cloud that misbehaves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio_websocket

from mrk.announcements.entry import Entry
from mrk.simplyprint.demands import BadDemand, Call, Demand
from mrk.simplyprint.identity import NAMESPACE
from mrk.simplyprint.messages import MOST_BYTES
from mrk.supervision import Backoff, Supervision
from nurseries.simplyprint.cloud import MESSAGES, Cloud
from nurseries.simplyprint.connection import CloudConnection, CloudRefused
from nurseries.simplyprint.stored import StoredIdentity
from nurseries.supervise import supervise
from nurseries.testing.memory_database import MemoryDatabase
from nurseries.websocket_client.client import SystemWebsockets
from tests.fakes.simplyprint import FakeCloud, open_cloud

pytestmark = pytest.mark.e2e
QUICK = Backoff(first_s=0.02, limit_s=0.1)


class Announcements:
    def __init__(self) -> None:
        self.shown: dict[str, str] = {}

    async def add_internal(
        self, component: str, title: str, description: str, url: str | None = None,
        priority: str = "normal",
    ) -> Entry:  # fmt: skip
        assert priority == "high"
        entry_id = f"{component}/{len(self.shown)}"
        self.shown[entry_id] = description
        await trio.lowlevel.checkpoint()
        return Entry(entry_id=entry_id)

    async def take_back(self, entry_id: str) -> None:
        del self.shown[entry_id]
        await trio.lowlevel.checkpoint()


class House:
    def __init__(self, fake: FakeCloud, database: MemoryDatabase, **options: Any) -> None:
        self.fake, self.database = fake, database
        self.announcements = Announcements()
        self.cloud = Cloud()
        self.demands: list[Demand] = []
        self.stored = StoredIdentity(database, self.announcements)
        service = f"ws://127.0.0.1:{fake.port}/p"
        self.connection = CloudConnection(
            SystemWebsockets(), self.stored, self.cloud, self.demands.append,
            service=service, **options,
        )  # fmt: skip
        self.part = Supervision("simplyprint_connection", backoff=QUICK)

    @property
    def records(self) -> Any:
        return self.database.items(NAMESPACE)


@asynccontextmanager
async def open_house(
    *welcome: Any, database: MemoryDatabase | None = None, **options: Any
) -> AsyncIterator[House]:
    async with open_cloud() as fake, trio.open_nursery() as nursery:
        fake.welcome = list(welcome)
        own = database or MemoryDatabase(())
        house = House(fake, own, **options)
        nursery.start_soon(supervise, house.part, house.connection.serve)
        yield house
        nursery.cancel_scope.cancel()
    if database is None:
        own.close()


CONNECTED = FakeCloud.message("connected", in_setup=1, short_id="XY12")
READY = FakeCloud.message("connected", in_setup=0, name="Voron")


async def test_set_up_from_the_first_word_to_the_second_start():
    database = MemoryDatabase(())
    token = FakeCloud.message("new_token", token="t/1 x", short_id="XY12")
    async with open_house(token, CONNECTED, database=database) as house:
        fake = house.fake
        await fake.until(lambda: house.cloud.outgoing)
        assert "XY12" in next(iter(house.announcements.shown.values()))
        assert fake.paths == ["/p/0/0"]
        house.cloud.send("temps", {"tool0": [20, 0]})
        house.cloud.send("state_change", {"new": "operational"})
        await fake.told("state_change", new="operational")
        assert fake.of("temps") == []
        await fake.say(FakeCloud.message("complete_setup", printer_id=1234))
        await fake.until(lambda: house.cloud.is_set_up)
        await fake.until(lambda: house.announcements.shown == {})
        house.cloud.send("temps", {"tool0": [20, 0]})
        await fake.told("temps", tool0=[20, 0])
        fake.welcome = [READY]
        await fake.close()
        await fake.connections(2)
        assert fake.paths[1] == "/p/1234/t%2F1%20x"
        records = await house.records
        assert (records["printer_token"], records["printer_id"]) == ("t/1 x", "1234")
    async with open_house(READY, database=database) as again:
        await again.fake.connections(1)
        assert again.fake.paths == ["/p/1234/t%2F1%20x"]
        await again.fake.until(lambda: again.cloud.is_set_up)
        deleted = FakeCloud.message("new_token", token="t2", short_id="ZZ", no_exist=True)
        await again.fake.say(deleted)
        await again.fake.until(lambda: again.announcements.shown)
        assert not again.cloud.is_set_up
        assert (await again.records)["printer_id"] is None
    database.close()


async def test_a_reconnect_token_is_used_once():
    welcome = FakeCloud.message("connected", in_setup=1, reconnect_token="r1")
    async with open_house(welcome) as house:
        await house.fake.until(lambda: house.cloud.outgoing)
        house.fake.welcome = []
        await house.fake.close()
        await house.fake.connections(2)
        await house.fake.close()
        await house.fake.connections(3)
        assert house.fake.paths[:3] == ["/p/0/0", "/p/0/0/r1", "/p/0/0"]


async def test_intervals_pings_and_latency():
    intervals = {"ping": 10, "job": 5000, "temps": "x", "cpu": 1e12}
    welcome = FakeCloud.message("connected", in_setup=0, interval=intervals)
    async with open_cloud() as fake, trio.open_nursery() as nursery:
        fake.welcome = [welcome]
        house = House(fake, MemoryDatabase(()), url=fake.url)
        nursery.start_soon(supervise, house.part, house.connection.serve)
        await fake.until(lambda: house.cloud.is_set_up)
        known = house.cloud.intervals
        assert (known.ping, known.job, known.temps, known.cpu) == (1000, 5000, 1000, 3_600_000)
        await fake.say(FakeCloud.message("interval_change", temps=2000))
        await fake.until(lambda: house.cloud.intervals.temps == 2000)
        await fake.told("latency")
        assert fake.of("latency")[0]["ms"] >= 0
        nursery.cancel_scope.cancel()
    assert fake.heard[-1] == {"type": "shutdown"}
    house.database.close()


async def test_what_is_demanded_and_what_is_nonsense():
    async with open_house(READY, url=None) as house:
        fake = house.fake
        await fake.until(lambda: house.cloud.outgoing)
        for nonsense in (
            "{", "[]", "5", '"x"', "null", "{}", '{"type":5}', '{"type":"demand","data":7}',
            b"\xff\xfe", '{"type":"connected","data":[1]}', "[" * 100_000, '{"type":"\\ud800"}',
            '{"type":"new_token","data":{"token":{}}}', '{"type":"strange","data":{}}',
            '{"type":"complete_setup","data":{"printer_id":[]}}',
        ):  # fmt: skip
            await fake.say(nonsense)
        await fake.demand("pause")
        await fake.until(lambda: len(house.demands) == 2)
        assert isinstance(house.demands[0], BadDemand)
        assert isinstance(house.demands[1], Call)
        assert house.part.restarts == 0


async def test_an_error_of_the_cloud_is_told():
    async with open_house(FakeCloud.message("error", msg="no such token")) as house:
        await house.fake.until(lambda: house.part.last_error)
        assert house.part.last_error == "the cloud says: no such token"
    assert CloudRefused.retry_after_s == 30


async def test_ten_megabytes_are_not_read():
    async with open_house(READY) as house:
        await house.fake.until(lambda: house.cloud.outgoing)
        text = '{"type":"x","data":{"a":"' + "a" * (10 * MOST_BYTES) + '"}}'
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_try_to_say, house.fake, text)
            await house.fake.connections(2)
        assert "1009" in (house.part.last_error or "")


async def _try_to_say(fake: FakeCloud, text: str) -> None:
    with suppress(trio_websocket.ConnectionClosed, trio.BrokenResourceError):
        await fake.say(text)


async def test_a_cloud_that_hangs_at_the_beginning():
    async with open_house(welcome_s=0.2) as house:
        await house.fake.connections(2)
        assert "said nothing for 0.2 s" in (house.part.last_error or "")


async def test_a_cloud_that_hangs_later():
    async with open_house(FakeCloud.message("connected", interval={"ping": 1000})) as house:
        house.fake.answers_pings = False
        await house.fake.connections(2)
        assert "no answer to a ping within 1 s" in (house.part.last_error or "")


async def test_a_cloud_that_closes_at_each_point():
    async with open_house() as house:
        fake = house.fake
        fake.refuses = True
        await fake.connections(2)
        await fake.until(lambda: "HTTP 503" in (house.part.last_error or ""))
        fake.refuses = False
        for welcome in ([], [CONNECTED], [READY]):
            fake.welcome = welcome
            count = len(fake.paths)
            await fake.connections(count + 1)
            await fake.close(4001)
        await fake.until(lambda: "4001" in (house.part.last_error or ""))
        await fake.until(lambda: house.cloud.outgoing is not None)
        assert not house.part.crashed


async def test_nobody_there():
    async with open_house() as house:
        await house.fake.connections(1)
    async with trio.open_nursery() as nursery:
        house = House(house.fake, MemoryDatabase(()))
        nursery.start_soon(supervise, house.part, house.connection.serve)
        with trio.fail_after(10):
            while house.part.restarts < 2:  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.02)
        assert "no connection to 127.0.0.1" in (house.part.last_error or "")
        nursery.cancel_scope.cancel()
    house.database.close()


async def test_a_flood_of_our_own_begins_anew():
    async with open_house(READY) as house:
        await house.fake.until(lambda: house.cloud.outgoing)
        for _ in range(MESSAGES + 10):
            house.cloud.send("state_change", {"new": "x" * 1000})
        await house.fake.connections(2)
        assert "takes less" in (house.part.last_error or "")
