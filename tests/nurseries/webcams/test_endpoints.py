"""server.webcams.*: configured and stored ones, changes, and what goes wrong with them."""

import json
from functools import partial

import msgspec
import pytest
import trio
import trio.testing

from config.settings.webcams import WebcamSettings
from mrk.api.caller import INTERNAL_CALLER, Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.errors import ClientError
from nurseries.testing.memory_database import MemoryDatabase
from nurseries.webcams.endpoints import WebcamEndpoints
from nurseries.webcams.registry import MOST_STORED, Webcams
from nurseries.webcams.resolver import Resolver
from tests.fakes.http_get import FakeHttp
from tests.fakes.items import MemoryItems

ID = "0123456789abcdef0123456789abcdef"
BED = WebcamSettings(name="Bed", stream_url="/bed", rotation=90)
OLD = {"name": "Old", "urlStream": "/old"}


class House:
    def __init__(self, configured=(), items=None, **stored):
        self.items = MemoryItems(webcams=stored) if items is None else items
        self.clients = Clients()
        self.webcams = Webcams(configured, ID, self.items, self.clients)
        self.table = Table(WebcamEndpoints(self.webcams, Resolver(FakeHttp())).endpoints())
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        self.client = Client(1, Transport.WEBSOCKET, outbox, authorized=True)
        self.clients.add(self.client)

    async def call(self, method, **params):
        found = self.table.method(f"server.webcams.{method}", Transport.WEBSOCKET)
        result = await found.call(params, Caller(Transport.WEBSOCKET))
        return json.loads(msgspec.json.encode(result))

    async def names(self):
        return [webcam["name"] for webcam in (await self.call("list"))["webcams"]]

    def told(self):
        """Names in each notification that waits."""
        notes = [json.loads(line) for line in self.client.outbox.take().splitlines()]
        assert all(note["method"] == "notify_webcams_changed" for note in notes)
        return [[webcam["name"] for webcam in note["params"][0]["webcams"]] for note in notes]


async def refused(call, status):
    with pytest.raises(ClientError) as error:
        await call
    assert error.value.status == status


def test_methods_and_routes():
    table = House().table
    for name in ("list", "get_item", "post_item", "delete_item", "test"):
        assert table.method(f"server.webcams.{name}", Transport.MQTT)
    assert table.verbs("/server/webcams/item") == ["DELETE", "GET", "POST"]
    assert table.verbs("/server/webcams/test") == ["POST"]


async def test_configured_ones_come_first_and_hide_stored_ones():
    house = House([BED], b={"name": "Bed", "urlStream": "/x"}, a=OLD)
    assert await house.names() == ["Bed", "Old"]
    bed, old = (await house.call("list"))["webcams"]
    assert bed == {
        "name": "Bed", "location": "printer", "service": "mjpegstreamer", "enabled": True,
        "icon": "mdiWebcam", "target_fps": 15, "target_fps_idle": 5, "stream_url": "/bed",
        "snapshot_url": "", "flip_horizontal": False, "flip_vertical": False, "rotation": 90,
        "aspect_ratio": "4:3", "extra_data": {}, "source": "config",
        "uid": "b5ad2403-a631-5f6a-9add-a5351bd28812",
    }  # fmt: skip
    assert (old["source"], old["uid"]) == ("database", "a")


async def test_the_uid_alone_decides():
    house = House([BED], a=OLD)
    assert (await house.call("get_item", uid="a", name="Bed"))["webcam"]["name"] == "Old"
    assert (await house.call("get_item", name="Bed"))["webcam"]["rotation"] == 90
    for method in ("get_item", "delete_item", "test"):
        await refused(house.call(method, uid="x", name="Bed"), 404)
        await refused(house.call(method, name="x"), 404)
        await refused(house.call(method), 400)
    await refused(house.call("post_item", uid="x", name="New", stream_url="/"), 404)
    await refused(house.call("post_item"), 400)


async def test_a_new_one_is_stored_told_and_found_after_a_restart():
    house = House()
    made = (await house.call("post_item", name="Bed", stream_url="/bed", target_fps="20"))["webcam"]
    assert (made["source"], made["target_fps"]) == ("database", 20)
    assert house.told() == [["Bed"]]
    later = House(**house.items.records("webcams"))
    assert (await later.call("list"))["webcams"] == [made]


async def test_a_known_name_changes_and_a_rename_moves_to_the_end():
    house = House(a=OLD, b={"name": "Two", "urlStream": "/two"})
    await house.call("post_item", name="Old", location="bed")
    changed = (await house.call("post_item", uid="a", name="New"))["webcam"]
    assert (changed["uid"], changed["location"], changed["stream_url"]) == ("a", "bed", "/old")
    assert house.told() == [["Old", "Two"], ["Two", "New"]]
    assert [r["name"] for r in house.items.records("webcams").values()] == ["New", "Two"]


async def test_a_taken_name_is_refused():
    house = House([BED], a=OLD, b={"name": "Two", "urlStream": "/two"})
    for taken in ("Two", "Bed"):
        await refused(house.call("post_item", uid="a", name=taken), 400)
    assert house.told() == []
    assert await house.names() == ["Bed", "Old", "Two"]


async def test_configured_ones_are_read_only():
    house = House([BED])
    uid = (await house.call("list"))["webcams"][0]["uid"]
    for which in ({"uid": uid}, {"name": "Bed"}):
        await refused(house.call("post_item", **which, rotation=0), 400)
        await refused(house.call("delete_item", **which), 400)
    assert house.told() == []


async def test_deleting():
    house = House(a=OLD)
    assert (await house.call("delete_item", name="Old"))["webcam"]["uid"] == "a"
    assert house.told() == [[]]
    assert house.items.records("webcams") == {}
    await refused(house.call("delete_item", uid="a"), 404)


@pytest.mark.parametrize(
    "wrong", [{"rotation": 5}, {"aspect_ratio": "x"}, {"enabled": None}, {"target_fps": "x"}]
)
async def test_bad_values_change_nothing(wrong):
    house = House(a=OLD)
    await refused(house.call("post_item", uid="a", **wrong), 400)
    await refused(house.call("post_item", name="New", stream_url="/", **wrong), 400)
    assert (house.told(), await house.names()) == ([], ["Old"])


async def test_a_full_disk_changes_nothing():
    house = House(a=OLD)
    house.items.full = True
    await refused(house.call("post_item", uid="a", name="New"), 507)
    await refused(house.call("delete_item", uid="a"), 507)
    assert (house.told(), await house.names()) == ([], ["Old"])
    house.items.full = False
    await house.call("post_item", uid="a", name="New")
    assert house.told() == [["New"]]


async def test_a_caller_that_leaves_in_the_middle_leaves_the_truth():
    house = House(a=OLD)
    await house.names()
    with trio.CancelScope() as scope:
        scope.cancel()
        await house.call("post_item", uid="a", name="New")
    stored = house.items.records("webcams")["a"]["name"]
    assert await house.names() == [stored]


async def test_two_of_one_name_at_one_instant():
    house = House()
    results = []

    async def add(path):
        results.append((await house.call("post_item", name="Bed", stream_url=path))["webcam"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(add, "/one")
        nursery.start_soon(add, "/two")
    assert await house.names() == ["Bed"]
    assert len({webcam["uid"] for webcam in results}) == 1
    assert len(house.items.records("webcams")) == 1


async def test_how_many_are_stored():
    house = House(**{f"u{n}": {"name": f"c{n}", "urlStream": "/"} for n in range(MOST_STORED - 1)})
    await house.call("post_item", name="last", stream_url="/")
    await refused(house.call("post_item", name="over", stream_url="/"), 400)
    await house.call("post_item", name="last", enabled=False)


async def test_records_of_other_writers_do_no_harm(caplog):
    house = House(a=OLD, b=5, c={"name": "x"}, d={**OLD, "icon": "second"})
    assert await house.names() == ["Old"]
    assert len(caplog.records) == 3


async def test_the_database_is_asked_once():
    house = House(a=OLD)
    for _ in range(3):
        await house.names()
    assert house.items.reads == 1


async def test_requests_before_the_first_reading_is_done_take_effect_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    readings: list[trio.Event] = []

    async def items(_namespace: str) -> dict[str, object]:
        readings.append(trio.Event())
        await readings[-1].wait()
        return {}

    monkeypatch.setattr(house.items, "items", items)
    seen = {}

    async def ask(number: int, method: str, **params: str) -> None:
        seen[number] = await house.call(method, **params)

    async with trio.open_nursery() as nursery:
        for number, method, params in (
            (0, "post_item", {"name": "a", "stream_url": "/a"}),
            (1, "list", {}),
            (2, "post_item", {"name": "a", "location": "here"}),
            (3, "delete_item", {"name": "a"}),
        ):
            nursery.start_soon(partial(ask, number, method, **params))
            await trio.testing.wait_all_tasks_blocked()
        for reading in reversed(readings):
            reading.set()
            await trio.testing.wait_all_tasks_blocked()
    assert [webcam["name"] for webcam in seen[1]["webcams"]] == ["a"]
    assert seen[2]["webcam"]["location"] == "here"
    assert await house.names() == []
    assert len(readings) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_those_that_a_front_end_brings_back_by_their_namespace(known):
    """As Mainsail does with a backup, and when it goes back to the factory's settings."""
    database = MemoryDatabase()
    house = House([BED], items=database)
    table = Table(database.endpoints())

    async def store(method, **params):
        found = table.method(f"server.database.{method}", Transport.WEBSOCKET)
        await found.call({"namespace": "webcams", **params}, INTERNAL_CALLER)

    if known:
        await house.call("post_item", name="New", stream_url="/new")
        house.told()
    await store("post_item", key="a", value=OLD)
    (told,) = house.told()
    assert sorted(told) == ["Bed", *["New"][: int(known)], "Old"]
    assert await house.names() == told
    await store("post_item", key="a.urlStream", value="/other")
    assert house.told() != []
    assert (await house.call("get_item", uid="a"))["webcam"]["stream_url"] == "/other"
    await store("post_item", key="a.urlStream", value="/other")
    assert house.told() == []
    await store("delete_item", key="a")
    await refused(house.call("get_item", uid="a"), 404)
    database.close()
