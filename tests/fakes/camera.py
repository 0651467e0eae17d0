"""A camera over memory streams: the test says what it answers, and when.

`open` is what the proxy connects with. Each connection is taken with `taken`, asks by `heard`, and
gets what `stream` sends.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.testing

from config.settings.webcam_proxy import CameraTarget, ProxiedCamera, WebcamProxySettings
from mrk.http.cors import CorsRules
from mrk.http.streamed_paths import DoorRules
from mrk.webcams.webcam import Webcam
from tests.fakes.http_house import House, trusted
from transports.door.acceptor import Door
from transports.door.route_table import RouteTable
from transports.door.routes import Routes
from transports.transfers.file_answers import FileSender
from transports.webcam_proxy.camera_connection import CameraAway
from transports.webcam_proxy.camera_door import CameraDoor
from transports.webcam_proxy.camera_paths import CameraPaths
from transports.webcam_proxy.proxy import WebcamProxy

MemoryStream = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]
USUAL = WebcamProxySettings(
    cameras=(ProxiedCamera("webcam", CameraTarget("127.0.0.1", 8080)),), frame_bytes=1000
)
MJPEG = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=m\r\n\r\n"


def picture(text: bytes) -> bytes:
    return b"--m\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(text), text)


class Call:
    """One connection of the proxy's, from the camera's side."""

    def __init__(self, stream: MemoryStream, target: CameraTarget, theirs: MemoryStream) -> None:
        self.stream = stream
        self.target = target
        self._theirs = theirs

    def stall(self) -> None:
        """Take nothing more."""
        self._theirs.send_stream.send_all_hook = trio.sleep_forever

    async def heard(self) -> bytes:
        """The request, head and what came with it."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = await self.stream.receive_some()
            assert more, "closed before it asked"
            data += more
        return data

    async def closed(self) -> None:
        """Return when the proxy has closed the connection."""
        while await self.stream.receive_some():
            pass


class Camera:
    """`away` refuses connections, `hangs` lets them wait; `opened` counts those that were tried."""

    def __init__(self) -> None:
        self.away = False
        self.hangs = False
        self.opened = 0
        self._send, self._calls = trio.open_memory_channel[Call](100)

    async def open(self, target: CameraTarget) -> trio.abc.Stream:
        self.opened += 1
        await trio.lowlevel.checkpoint()
        if self.hangs:
            await trio.sleep_forever()
        if self.away:
            raise CameraAway("it is away")
        ours, theirs = trio.testing.memory_stream_pair()
        self._send.send_nowait(Call(theirs, target, ours))
        return ours

    async def taken(self) -> Call:
        """The next connection."""
        return await self._calls.receive()


@dataclass
class CameraHouse:
    """A door with cameras behind it."""

    camera: Camera = field(default_factory=Camera)
    settings: WebcamProxySettings = USUAL
    house: House = field(default_factory=House)
    webcams: list[Webcam] = field(default_factory=list)

    def __post_init__(self) -> None:
        house = self.house
        self.proxy = WebcamProxy(self.settings, self.camera.open)
        cors = CorsRules((), trusted)
        rules = DoorRules(
            house.authorizer, cors, house.limits, "", FileSender(), lambda _port: False
        )
        self.answered = rules.answered
        paths = CameraPaths(self.settings.cameras, self._listed, "")
        served = CameraDoor(self.proxy, paths, rules, house.clients)
        table = RouteTable(house.api, house.authorizer, house.web, upgrades={}, streamed=[served])
        self.door = Door(Routes(table), house.limits)

    async def _listed(self) -> list[Webcam]:
        await trio.lowlevel.checkpoint()
        return self.webcams

    def client(self, nursery: trio.Nursery, peer: str = "127.0.0.1") -> "CameraClient":
        """A browser at the door."""
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(self.door.serve_connection, theirs, peer)
        return CameraClient(ours, theirs)


@asynccontextmanager
async def opened(**given: Any) -> AsyncIterator[tuple[CameraHouse, trio.Nursery]]:
    """A house whose proxy runs, and a nursery for its clients."""
    house = CameraHouse(**given)
    async with trio.open_nursery() as nursery:
        await nursery.start(house.proxy.serve)
        yield house, nursery
        nursery.cancel_scope.cancel()


class CameraClient:
    """A connection to the door; `theirs` is the door's end of it."""

    def __init__(self, stream: MemoryStream, theirs: MemoryStream) -> None:
        self.stream = stream
        self.theirs = theirs
        self.data = b""

    async def ask(
        self, target: str, method: str = "GET", headers: str = "", body: bytes = b""
    ) -> None:
        if body:
            headers += f"Content-Length: {len(body)}\r\n"
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
        await self.stream.send_all(head.encode() + body)

    async def until(self, text: bytes) -> bytes:
        """Read until `text` has come; returns all up to it."""
        while text not in self.data:
            more = await self.stream.receive_some()
            assert more, f"ended with {self.data[-200:]!r}"
            self.data += more
        found, _, self.data = self.data.partition(text)
        return found

    async def rest(self) -> bytes:
        """All that comes until the end."""
        while more := await self.stream.receive_some():
            self.data += more
        return self.data

    async def status(self) -> int:
        """Of the answer whose head comes next."""
        return int((await self.until(b"\r\n\r\n")).split(b" ", 2)[1])
