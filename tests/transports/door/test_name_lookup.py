"""Clients that are trusted by name: the door waits for the name before it judges."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mrk.definitions.limits import Limits
from mrk.http.head import RequestHead
from tests.fakes.http_house import House
from tests.transports.door.test_acceptor import GET, connected

LAPTOP, STRANGER = "10.0.0.1", "10.0.0.2"


def house_of(wait_s: float = 0.0, limits: Limits | None = None) -> House:
    """A house that learns the laptop's name within `wait_s`."""
    asked: list[str] = []

    async def look_up_names(address: str) -> None:
        asked.append(address)
        await trio.sleep(wait_s)
        if address == LAPTOP:
            house.names[address] = ("laptop.lan",)

    house = House(look_up_names=look_up_names, limits=limits or Limits())
    house.outcomes = asked
    return house


@pytest.mark.parametrize(("peer", "status"), [(LAPTOP, 200), (STRANGER, 401)])
async def test_the_name_decides(peer: str, status: int, autojump_clock: MockClock) -> None:
    house = house_of(1.5)
    async with connected(house, peer) as client:
        began = trio.current_time()
        await client.send(GET)
        assert (await client.answer())[0] == status
        assert trio.current_time() - began == 1.5
    assert house.outcomes == [peer]


async def test_waiting_for_a_name_is_no_idleness(autojump_clock: MockClock) -> None:
    house = house_of(1.5, Limits(keep_alive_s=1.0))
    async with connected(house, LAPTOP) as client:
        await client.send(GET + GET)
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]
        began = trio.current_time()
        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(1.0)


async def test_a_socket_is_judged_by_the_name_too(autojump_clock: MockClock) -> None:
    house = house_of(1.5)
    judged: list[bool] = []

    async def websocket(stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        judged.append(house.authorizer.decide(head, changing=True).authorized)
        await stream.send_all(b"x")

    house.upgrades["/websocket"] = websocket
    request = (
        b"GET /websocket HTTP/1.1\r\nHost: printer\r\nConnection: Upgrade\r\nUpgrade: websocket"
    )
    async with connected(house, LAPTOP) as client:
        await client.send(request + b"\r\n\r\n")
        await client.stream.receive_some()
    assert judged == [True]


async def test_cancelled_while_it_waits(autojump_clock: MockClock) -> None:
    async with connected(house_of(1e6), LAPTOP) as client:
        await client.send(GET)
        await wait_all_tasks_blocked()
