"""A connection that has ended leaves nothing behind that only a garbage collection would find."""

import gc
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from mrk.definitions.limits import Limits
from mrk.klippy.etx import etx_frame
from tests.fakes.event_house import EventHouse
from tests.polling import until

pytestmark = pytest.mark.e2e
IDENTIFY = {"client_name": "c", "version": "1", "type": "web", "url": "u"}
HEAD = "GET {} HTTP/1.1\r\nHost: printer:7125\r\n{}\r\n"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
CALL = json.dumps(
    {"jsonrpc": "2.0", "method": "server.connection.identify", "params": IDENTIFY, "id": 1}
).encode()
MASKED = bytes([0x81, 0xFE]) + len(CALL).to_bytes(2, "big") + bytes(4) + CALL


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what ends later of other tests is not ours
    gc.disable()
    yield
    gc.unfreeze()
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def ours() -> list[str]:
    """Types of our objects that nobody can reach any more."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    names = [f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage]
    return sorted({name for name in names if name.startswith(("mrk.", "transports."))})


@pytest.mark.parametrize(
    ("way", "parts"),
    [
        ("tcp", [HEAD.format("/server/connection/list", "").encode()]),
        ("tcp", [HEAD.format("/server/events", "").encode()]),
        ("tcp", [HEAD.format("/websocket", UPGRADE).encode(), MASKED]),
        ("unix", [etx_frame(CALL)]),
    ],
    ids=["plain", "events", "websocket", "unix"],
)
async def test_nothing_is_left(
    way: str, parts: list[bytes], tmp_path: Path, no_collection: None
) -> None:
    house = EventHouse(Limits())
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    unix = trio.socket.socket(trio.socket.AF_UNIX)
    await unix.bind(str(tmp_path / "s"))
    unix.listen()
    async with trio.open_nursery() as nursery, listener:
        await nursery.start(house.websocket.serve)
        await nursery.start(house.door.serve, [listener])
        await nursery.start(house.unix_socket.serve, trio.SocketListener(unix))
        with socket.socket(socket.AF_UNIX if way == "unix" else socket.AF_INET) as client:
            client.connect(str(tmp_path / "s") if way == "unix" else listener.socket.getsockname())
            client.setblocking(False)
            for part in parts:
                client.send(part)
                await trio.lowlevel.wait_readable(client)
                assert client.recv(65536)
        await until(lambda: not house.door.connections and not len(house.clients))
        await trio.testing.wait_all_tasks_blocked()
        assert ours() == []
        nursery.cancel_scope.cancel()
    unix.close()
