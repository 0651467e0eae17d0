"""One address cannot take what all clients share: clients on real sockets, from several addresses
of the loopback interface."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from mrk.definitions.limits import Limits
from tests.fakes.http_house import House
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import file, upload
from transports.transfers.upload_slots import PATIENCE_S, UPLOADS_AT_ONCE

pytestmark = pytest.mark.e2e

GET = b"GET /server/info HTTP/1.1\r\nHost: a\r\n\r\n"
GREEDY, MODEST = "127.0.0.2", "127.0.0.3"
PLACES = 30
STRANGER = b"X-Forwarded-For: 10.0.0.9\r\n"
UNFINISHED = {
    "a connection": b"",
    "a head": b"GET /server/info HTTP/1.1\r\nHost",
    "a stranger's body": b"POST /open HTTP/1.1\r\n" + STRANGER + b"Content-Length: 9\r\n\r\nx",
    "a refused body": b"POST /echo HTTP/1.1\r\n" + STRANGER + b"Content-Length: 9\r\n\r\nx",
    "a body for the page": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    "an answer that is not fetched": b"junk\r\n\r\n",
}


@asynccontextmanager
async def port_of(house: House | TransferHouse) -> AsyncIterator[int]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(30):
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(house.door.serve, [listener])
            yield listener.socket.getsockname()[1]
            nursery.cancel_scope.cancel()


async def connect(port: int, address: str) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", port, local_address=address)


async def ask(port: int, address: str) -> bytes:
    async with await connect(port, address) as stream:
        await stream.send_all(GET)
        return bytes(await stream.receive_some())


@pytest.mark.parametrize("name", UNFINISHED)
async def test_unfinished_requests_turn_nobody_away(name: str) -> None:
    house = House(limits=Limits(connections=PLACES))
    async with port_of(house) as port:
        busy = await connect(port, MODEST)
        await busy.send_all(GET.replace(b"/server/info", b"/wait"))
        await house.begun.wait()
        greedy = [await connect(port, GREEDY) for _ in range(PLACES * 2)]
        for stream in greedy:
            with contextlib.suppress(trio.BrokenResourceError):  # it has given way already
                await stream.send_all(UNFINISHED[name])
        for _ in range(PLACES):
            assert (await ask(port, MODEST)).startswith(b"HTTP/1.1 200 ")
        house.released.set()
        assert b"waited" in await busy.receive_some()
        for stream in (busy, *greedy):
            await stream.aclose()


async def test_who_fills_the_places_pays_for_them() -> None:
    """A newcomer of the greedy address takes a place of its own, not that of another's idle one."""
    async with port_of(House(limits=Limits(connections=PLACES))) as port:
        modest = await connect(port, MODEST)
        await modest.send_all(GET)
        assert (await modest.receive_some()).startswith(b"HTTP/1.1 200 ")
        greedy = [await connect(port, GREEDY) for _ in range(PLACES * 3)]
        for _ in range(3):
            assert (await ask(port, GREEDY)).startswith(b"HTTP/1.1 200 ")
        await modest.send_all(GET)
        assert (await modest.receive_some()).startswith(b"HTTP/1.1 200 ")
        for stream in (modest, *greedy):
            await stream.aclose()


async def test_stalled_uploads_of_one_address_delay_no_other(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    async with port_of(house) as port:
        stalled = [await connect(port, GREEDY) for _ in range(UPLOADS_AT_ONCE)]
        for stream in stalled:
            await stream.send_all(upload(file("slow.gcode", b"G28\n" * 1000))[:-3000])
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            async with await connect(port, MODEST) as stream:
                began = trio.current_time()
                await stream.send_all(upload(file("quick.gcode", b"G28\n")))
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 201 ")
                assert trio.current_time() - began < PATIENCE_S
        for stream in stalled:
            await stream.aclose()
