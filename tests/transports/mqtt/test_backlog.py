"""The API's backlog, and status that merges, on an outlet that a test opens and closes."""

import json
from sys import getsizeof

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from config.settings.mqtt import MqttSettings
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.fanout import Fanout
from mrk.klippy.events import Disconnected, KlippyEvent, Ready, Started
from mrk.mqtt.requests import Stamps
from mrk.mqtt.topics import Topics
from mrk.status.update import StatusUpdate
from transports.mqtt.api import BACKLOG_BYTES, BACKLOG_MESSAGES, MqttApi
from transports.mqtt.status import StatusPublisher

TOPICS = Topics("shop")


class FakeOutlet:
    """`Outlet`: what was posted, while it has room."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict]] = []
        self._open = trio.Event()
        self._open.set()

    def close(self) -> None:
        self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    @property
    def has_space(self) -> bool:
        return self._open.is_set()

    async def wait_for_space(self) -> None:
        await self._open.wait()

    def post(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> None:
        self.posted.append((topic, json.loads(payload)))

    def taken(self) -> list[dict]:
        posted, self.posted = self.posted, []
        return [payload for _topic, payload in posted]


def unknown(id, size=0):
    return json.dumps({"jsonrpc": "2.0", "method": "x", "id": id, "params": {"p": "x" * size}})


def make_api(outlet):
    settings = MqttSettings(address="x", enable_moonraker_api=True)
    rpc = Rpc(Table(), trio.lowlevel.checkpoint, 1000)
    return MqttApi(settings, TOPICS, rpc.handle, Stamps(), outlet)


async def test_requests_wait_for_room_and_past_the_bound_they_are_refused(
    autojump_clock: MockClock,
) -> None:
    outlet = FakeOutlet()
    api = make_api(outlet)
    outlet.close()
    async with trio.open_nursery() as nursery:
        await nursery.start(api.run)
        for number in range(BACKLOG_MESSAGES):
            api.hear(unknown(number).encode())
        await wait_all_tasks_blocked()
        assert outlet.posted == []
        api.hear(unknown("over").encode())
        (refused,) = outlet.taken()
        assert (refused["id"], refused["error"]["code"]) == ("over", 429)
        outlet.open()
        await wait_all_tasks_blocked()
        assert [answer["id"] for answer in outlet.taken()] == list(range(BACKLOG_MESSAGES))
        nursery.cancel_scope.cancel()


async def test_bytes_of_the_backlog_are_bounded_too(autojump_clock: MockClock) -> None:
    outlet = FakeOutlet()
    api = make_api(outlet)
    outlet.close()
    async with trio.open_nursery() as nursery:
        await nursery.start(api.run)
        size_bytes = getsizeof(unknown(0).encode())
        for _ in range(4):
            api.hear(unknown(0, BACKLOG_BYTES // 4 - size_bytes).encode())
        assert outlet.posted == []
        api.hear(unknown("over").encode())
        assert outlet.taken()[0]["id"] == "over"
        nursery.cancel_scope.cancel()


class FakeLink:
    """`KlippyRequests` without a printer."""

    def __init__(self, state: str = "disconnected") -> None:
        self.klippy_state = state
        self.events: Fanout[KlippyEvent] = Fanout()
        self.wanted: list[dict] = []
        self.readers: list[StatusPublisher] = []
        self.status = {"fan": {"speed": 0.0, "rpm": None}}

    def open_events(self, name, size, *kinds):
        return self.events.open_reader(name, size, *kinds)

    async def subscribe_reader(self, reader, wanted):
        await trio.lowlevel.checkpoint()
        self.wanted.append(wanted)
        self.readers.append(reader)
        return {"eventtime": 5.0, "status": self.status}

    def unsubscribe_reader(self, reader):
        self.readers.remove(reader) if reader in self.readers else None

    def change(self, speed, eventtime=6.0):
        self.readers[-1].push_status(StatusUpdate({"fan": {"speed": speed}}, eventtime))


async def publishing(nursery, link, **options):
    outlet = FakeOutlet()
    settings = MqttSettings(address="x", status_objects={"fan": None}, **options)
    nursery.start_soon(StatusPublisher(settings, TOPICS, link, outlet).run)
    await wait_all_tasks_blocked()
    return outlet


FULL = {"eventtime": 5.0, "status": {"fan": {"speed": 0.0, "rpm": None}}}


async def test_in_full_when_klipper_starts_then_changes(autojump_clock: MockClock) -> None:
    link = FakeLink()
    async with trio.open_nursery() as nursery:
        outlet = await publishing(nursery, link)
        assert outlet.posted == []
        link.events.publish(Started("error"))
        await wait_all_tasks_blocked()
        assert outlet.posted == [("shop/klipper/status", FULL)]
        outlet.taken()
        link.events.publish(Ready())
        await wait_all_tasks_blocked()
        assert outlet.taken() == [FULL]
        link.events.publish(Ready())
        await wait_all_tasks_blocked()
        link.change(0.5)
        await wait_all_tasks_blocked()
        assert outlet.taken() == [{"eventtime": 6.0, "status": {"fan": {"speed": 0.5}}}]
        assert link.wanted == [{"fan": None}] * 2
        nursery.cancel_scope.cancel()
    assert len(link.readers) == 1


async def test_a_printer_that_is_ready_already(autojump_clock: MockClock) -> None:
    link = FakeLink("ready")
    async with trio.open_nursery() as nursery:
        outlet = await publishing(nursery, link)
        assert outlet.taken() == [FULL]
        nursery.cancel_scope.cancel()


async def test_changes_merge_while_there_is_no_room(autojump_clock: MockClock) -> None:
    link = FakeLink("ready")
    async with trio.open_nursery() as nursery:
        outlet = await publishing(nursery, link)
        outlet.taken()
        outlet.close()
        for number in range(1000):
            link.change(number, float(number))
            await wait_all_tasks_blocked()
        outlet.open()
        await wait_all_tasks_blocked()
        speeds = [message["status"]["fan"]["speed"] for message in outlet.taken()]
        assert speeds == [0, 999]
        nursery.cancel_scope.cancel()


async def test_an_interval_merges_and_a_disconnect_flushes(autojump_clock: MockClock) -> None:
    link = FakeLink("ready")
    async with trio.open_nursery() as nursery:
        outlet = await publishing(nursery, link, status_interval_s=2.0)
        assert outlet.taken() == [FULL]
        for number in range(100):
            link.change(number)
            await trio.sleep(0.1)
        await trio.sleep(2.0)
        speeds = [message["status"]["fan"]["speed"] for message in outlet.taken()]
        assert speeds[-1] == 99
        assert 5 <= len(speeds) <= 7
        link.change(7)
        await wait_all_tasks_blocked()
        link.change(8)
        link.events.publish(Disconnected())
        await wait_all_tasks_blocked()
        assert outlet.taken()[-1]["status"] == {"fan": {"speed": 8}}
        nursery.cancel_scope.cancel()


async def test_split_status_has_a_topic_for_each_field(autojump_clock: MockClock) -> None:
    link = FakeLink("ready")
    async with trio.open_nursery() as nursery:
        outlet = await publishing(nursery, link, publish_split_status=True)
        assert outlet.posted == [
            ("shop/klipper/state/fan/speed", {"eventtime": 5.0, "value": 0.0}),
            ("shop/klipper/state/fan/rpm", {"eventtime": 5.0, "value": None}),
        ]
        nursery.cancel_scope.cancel()
