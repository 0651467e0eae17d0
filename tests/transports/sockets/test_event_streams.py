"""Notifications as Server-Sent Events, through the door on memory streams."""

import contextlib
import random
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.status.update import StatusUpdate
from tests.fakes.accounts import FakeAccounts, user
from tests.fakes.event_house import EventClient, EventHouse

LOCAL = "127.0.0.1"


@contextlib.asynccontextmanager
async def connected(
    house: EventHouse, last_id: str = "", peer: str = LOCAL
) -> AsyncIterator[EventClient]:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.serve_connection, theirs, peer)
        yield EventClient(ours, last_id)
        await ours.aclose()


def only(clients: Clients):  # type: ignore[no-untyped-def]
    (client,) = clients
    return client


async def test_a_stream() -> None:
    house = EventHouse()
    async with connected(house) as client:
        assert await client.ask("Origin: http://ui") == 200
        head = client.head.decode().lower()
        for line in (
            "content-type: text/event-stream; charset=utf-8",
            "cache-control: no-store",
            "x-accel-buffering: no",
            "access-control-allow-origin: http://ui",
            "connection: close",
        ):
            assert line in head.splitlines()
        assert "content-length" not in head
        kind, opening = await client.event()
        assert (kind, client.retry) == ("replay", "2000")
        assert opening == {
            "connection_id": 1, "epoch": "e1", "seq": 1, "newest": 1,
            "continuity": "begun", "advice": None,
        }  # fmt: skip
        assert client.last_id == "e1-1"
        house.clients.broadcast("notify_test", [{"text": "ü\n"}])
        kind, message = await client.event()
        assert (kind, client.last_id) == ("message", "e1-2")
        assert (message["method"], message["params"], message["seq"]) == (
            "notify_test", [{"text": "ü\n"}], 2,
        )  # fmt: skip
        assert (len(house.clients), house.admission.connections) == (1, 1)
        (shown,) = house.listed()
        assert (shown.transport, shown.address, shown.connection_id) == ("events", LOCAL, 1)
        only(house.clients).outbox.status(StatusUpdate({"fan": {"speed": 1}}, 1.0))
        assert (await client.event())[1]["method"] == "notify_status_update"
        assert client.last_id == "e1-2"
    assert (len(house.clients), house.admission.connections) == (0, 0)
    assert house.answered == {200: 1}  # and no handshake


async def test_it_goes_on_where_it_was_cut() -> None:
    house = EventHouse(route_prefix="/printer1")
    target = "/printer1/server/events"
    async with connected(house) as client:
        await client.ask(target=target)
        await client.event()
        house.clients.broadcast("notify_test", [0])
        await client.event()
    house.clients.broadcast("notify_test", [1])
    async with connected(house, client.last_id) as client:
        await client.ask(target=target)
        opening = (await client.event())[1]
        assert (opening["continuity"], opening["seq"], opening["newest"]) == ("complete", 2, 3)
        assert client.last_id == "e1-2"  # a cut right here loses nothing
        house.clients.broadcast("notify_test", [2])
        assert [(await client.event())[1]["params"] for _ in range(2)] == [[1], [2]]
        # The header is newer than what the address says.
        last_id = client.last_id
    async with connected(house, last_id) as client:
        await client.ask(target=f"{target}?last_event_id=e1-1")
        assert (await client.event())[1]["seq"] == 4
    async with connected(house) as client:
        await client.ask(target=f"{target}?last_event_id=e1-3")
        assert (await client.event())[1]["seq"] == 3
        assert (await client.event())[1]["params"] == [2]


async def test_what_is_lost_is_told() -> None:
    house = EventHouse(Limits(replay_events=2))
    async with connected(house, "e0-17") as client:
        assert await client.ask() == 200
        opening = (await client.event())[1]
        assert (opening["continuity"], opening["seq"]) == ("epoch_changed", 1)
        assert "query again" in opening["advice"]
    for number in range(3):
        house.clients.broadcast("notify_test", [number])
    async with connected(house, "e1-1") as client:
        await client.ask()
        opening = (await client.event())[1]
        assert (opening["continuity"], opening["seq"], client.last_id) == ("gap", 4, "e1-4")
        house.clients.broadcast("notify_test", ["next"])
        assert (await client.event())[1]["params"] == ["next"]


@pytest.mark.parametrize("bad", ["x", "e1-", "e1-99"])
async def test_names_that_cannot_be(bad: str) -> None:
    house = EventHouse()
    async with connected(house, bad) as client:
        assert await client.ask() == 400
    async with connected(house) as client:
        assert await client.ask(target=f"/server/events?last_event_id={bad}") == 400
    assert len(house.clients) == 0


async def test_too_many_fields() -> None:
    async with connected(EventHouse()) as client:
        assert await client.ask(target="/server/events?" + "&".join(["a=1"] * 1001)) == 400


async def test_only_for_looking() -> None:
    house = EventHouse()
    async with connected(house) as client:
        assert await client.ask(verb="POST") == 405
        assert b"Allow: GET, HEAD, OPTIONS" in client.head
    async with connected(house) as client:
        assert await client.ask(verb="HEAD") == 200
        assert b"text/event-stream" in client.head
        with pytest.raises(EOFError):
            await client.event()
    assert not house.clients.events.running


async def test_who_may_listen() -> None:
    accounts = FakeAccounts(tokens={"good": user("ann", Role.VIEW)})
    house = EventHouse(accounts=accounts)
    async with connected(house, peer="10.0.0.9") as client:
        assert await client.ask() == 401
    async with connected(house, peer="10.0.0.9") as client:
        # A browser's EventSource can set no header.
        assert await client.ask(target="/server/events?access_token=good") == 200
        await client.event()
        assert only(house.clients).role is Role.VIEW
        house.clients.broadcast("notify_test", ["before"])
        house.clients.revoke("ann")
        house.clients.broadcast("notify_test", ["behind"])
        assert (await client.event())[1]["params"] == ["before"]
        with pytest.raises(EOFError):
            await client.event()
    assert len(house.clients) == 0


async def test_as_many_as_websockets() -> None:
    house = EventHouse(Limits(websockets=1))
    async with connected(house) as first, connected(house) as second:
        assert await first.ask() == 200
        await first.event()
        assert await second.ask() == 503


async def test_comments_keep_it_alive(autojump_clock: object) -> None:
    house = EventHouse(Limits(ping_s=10.0))
    async with connected(house) as client:
        await client.ask()
        await client.event()
        await trio.sleep(35)
        house.clients.broadcast("notify_test", [1])
        await client.event()
        assert client.comments == 3


async def test_who_does_not_read_is_let_go(autojump_clock: object) -> None:
    house = EventHouse(Limits(outbox_bytes=1000, send_s=30.0))
    ours, theirs = memory_stream_pair()
    reading = trio.Event()

    async def stalled() -> None:
        await reading.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.serve_connection, theirs, LOCAL)
        client = EventClient(ours)
        await client.ask()
        await client.event()
        theirs.send_stream.send_all_hook = stalled
        began = trio.current_time()
        house.clients.broadcast("notify_test", [1])
        await wait_all_tasks_blocked()
        assert len(house.clients) == 1
        await trio.sleep(30.5)
        assert len(house.clients) == 0
        assert trio.current_time() - began < 35


async def test_a_full_outbox_ends_it_and_nothing_is_lost() -> None:
    house = EventHouse(Limits(outbox_bytes=1000))
    async with connected(house) as client:
        await client.ask()
        await client.event()
        for number in range(100):  # in one turn: nothing can be sent between
            house.clients.broadcast("notify_test", [number])
        heard = []
        with contextlib.suppress(EOFError):
            while True:
                heard.append((await client.event())[1]["params"][0])
    async with connected(house, client.last_id) as client:
        await client.ask()
        await client.event()
        heard += [(await client.event())[1]["params"][0] for _ in range(100 - len(heard))]
    assert heard == list(range(100))


@pytest.mark.parametrize("ticks", range(30))
async def test_cancelled_at_any_moment(ticks: int, autojump_clock: object) -> None:
    house = EventHouse()
    house.clients.events.ask()
    for number in range(600):
        house.clients.broadcast("notify_test", [number])
    ours, theirs = memory_stream_pair()
    client = EventClient(ours, "e1-1")
    heard: list[object] = []

    async def listen() -> None:
        with contextlib.suppress(EOFError, trio.BrokenResourceError):
            assert await client.ask() == 200
            await client.event()
            while True:
                heard.append((await client.event())[1]["params"][0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        async with trio.open_nursery() as inner:
            inner.start_soon(house.door.serve_connection, theirs, LOCAL)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            house.clients.broadcast("notify_test", [600])
            inner.cancel_scope.cancel()
    assert heard == list(range(len(heard)))
    assert (len(house.clients), house.admission.connections) == (0, 0)
    # Nobody is taken for one who still follows.
    await trio.sleep(901)
    house.clients.broadcast("notify_test")
    assert not house.clients.events.running


async def test_cut_at_200_random_points() -> None:
    chance = random.Random(14)
    house = EventHouse()
    house.clients.events.ask()
    last_id, sent = "e1-1", 0
    heard: list[object] = []
    for _cut in range(200):
        async with connected(house, last_id) as client:
            await client.ask()
            for _ in range(chance.randrange(8)):
                house.clients.broadcast("notify_test", [sent])
                sent += 1
                if chance.random() < 0.3:
                    await trio.lowlevel.checkpoint()
            for _ in range(chance.randrange(6)):
                if sent == len(heard):
                    break
                kind, data = await client.event()
                if kind == "message":
                    heard.append(data["params"][0])
                else:
                    assert data["continuity"] == "complete"
        last_id = client.last_id
    async with connected(house, last_id) as client:
        await client.ask()
        await client.event()
        while len(heard) < sent:
            heard.append((await client.event())[1]["params"][0])
    assert heard == list(range(sent))
