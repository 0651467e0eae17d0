"""The same transports over real sockets, against a client library that nobody here wrote."""

import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mrk.definitions.limits import Limits
from mrk.errors import Transient
from tests.process_clock import ProcessClock
from tests.transports.sockets.conftest import Daemon, upgrade_head
from transports.sockets.bridge import Bridge
from transports.sockets.unix_socket import UnixSocket

pytestmark = pytest.mark.e2e
T = TypeVar("T")
Closed = tuple[int, str]


@pytest.fixture(params=["together", "each"])
def reading(request: pytest.FixtureRequest) -> str:
    """Whether one task reads all websockets, or each has its own."""
    return str(request.param)


@asynccontextmanager
async def listening(
    daemon: Daemon, reading: str, bridge: Bridge | None = None
) -> AsyncIterator[tuple[str, Any]]:
    """A door that knows websockets only; yields its url and the scope of what it serves."""

    async def door(stream: trio.SocketStream) -> None:
        buffered = b""
        while b"\r\n\r\n" not in buffered:
            buffered += bytes(await stream.receive_some())
        lines = buffered.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:]]
        given = [(name.lower(), value) for name, value in pairs]
        head = upgrade_head()
        head = type(head)("GET", lines[0].split()[1], "1.1", given, "127.0.0.1", "127.0.0.1")
        serve = bridge if bridge is not None and "klippy" in head.target else daemon.websocket
        kept = await serve.serve_connection(stream, head, buffered)
        if kept is not None:
            over = trio.Event()
            kept.when_over = lambda _stream: over.set()
            with trio.CancelScope(shield=True):  # as no door's task waits for it
                await over.wait()

    async with trio.open_nursery() as nursery:
        if reading == "together":
            await nursery.start(daemon.websocket.serve)
        (listener,) = await nursery.start(partial(trio.serve_tcp, door, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        yield f"ws://127.0.0.1:{port}", nursery.cancel_scope
        nursery.cancel_scope.cancel()


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    with trio.fail_after(20):
        return await trio.to_thread.run_sync(work, *arguments, abandon_on_cancel=True)


def request(method: str, id: int = 1, **params: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id})


async def test_a_strangers_client_calls_pings_and_closes(daemon: Daemon, reading: str) -> None:
    def client(url: str) -> None:
        with connect(f"{url}/websocket?token=", max_size=None) as ws:
            for size in (1, 125, 126, 65_535, 70_000, 1_000_000):
                ws.send(request("test.echo", size, text="é" * size))
                assert json.loads(ws.recv())["result"] == "é" * size
            assert ws.ping(b"x").wait(20)
            ws.send(["{", '"jsonrpc":"2.0","method":"test.echo"', ',"id":9}'])
            assert json.loads(ws.recv())["id"] == 9
            assert ws.protocol.extensions == []

    gone = trio.Event()
    daemon.clients.on_departure(lambda _id: gone.set())
    async with listening(daemon, reading) as (url, _scope):
        await in_thread(client, url)
        with trio.fail_after(20):
            await gone.wait()


def until_closed(url: str, first: str = "", ready: Callable[[], None] = lambda: None) -> Closed:
    """Connect, send, read until the server closes; returns its code and reason."""
    with connect(url, max_size=None) as ws:
        if first:
            ws.send(first)
        ready()
        return closed_by(ws)


def closed_by(ws: ClientConnection) -> Closed:
    try:
        while True:
            ws.recv(10)
    except (ConnectionClosedOK, ConnectionClosedError) as exc:
        return (0, "") if exc.rcvd is None else (exc.rcvd.code, exc.rcvd.reason)


def stalled_client(url: str) -> socket.socket:
    """A client that asked for much and then reads nothing more."""
    host, port = url.removeprefix("ws://").split(":")
    sock = socket.create_connection((host, int(port)))
    lines = [f"{name}: {value}" for name, value in upgrade_head().headers]
    sock.sendall("\r\n".join(["GET /websocket HTTP/1.1", *lines, "", ""]).encode())
    frame = request("test.big", size=40_000_000).encode()
    sock.sendall(bytes([0x81, 0x80 | len(frame)]) + b"\0\0\0\0" + frame)
    sock.settimeout(10)
    received_bytes = 0
    while received_bytes < 1000:
        chunk = sock.recv(1000)
        assert chunk, "closed before the answer came"
        received_bytes += len(chunk)
    return sock


async def test_shutdown_is_heard_and_a_stalled_client_does_not_hold_it(
    daemon: Daemon, reading: str
) -> None:
    heard: list[Closed] = []
    connected = trio.Event()

    async def listen(url: str) -> None:
        ready = partial(trio.from_thread.run_sync, connected.set)
        heard.append(await in_thread(until_closed, f"{url}/websocket", "", ready))

    async with trio.open_nursery() as clients:
        async with listening(daemon, reading) as (url, scope):
            clients.start_soon(listen, url)
            stalled = await in_thread(stalled_client, url)
            await connected.wait()
            began = time.monotonic()
            scope.cancel()
        stalled.close()
        assert 0.2 < time.monotonic() - began < daemon.limits.send_s / 2
    assert heard == [(1001, "Server Shutdown")]
    assert len(daemon.clients) == 0


async def test_close_codes_are_heard(reading: str) -> None:
    daemon = Daemon(Limits(message_bytes=1000))
    async with listening(daemon, reading) as (url, _scope):
        assert (await in_thread(until_closed, f"{url}/websocket", "x" * 100_000))[0] == 1009


async def test_pongs_of_a_strangers_client_are_life(reading: str) -> None:
    # Long enough for a client that has to wait for a processor.
    daemon = Daemon(Limits(ping_s=0.4))

    def client(url: str) -> int:
        with connect(f"{url}/websocket") as ws:
            time.sleep(1.3)  # three pings
            ws.send(request("test.echo", 4))
            return json.loads(ws.recv())["id"]  # type: ignore[no-any-return]

    async with listening(daemon, reading) as (url, _scope):
        assert await in_thread(client, url) == 4


async def test_bridge_without_klippy_is_a_503(daemon: Daemon, reading: str) -> None:
    async def open_klippy() -> Any:
        raise Transient("no socket")

    def client(url: str) -> tuple[int, Any]:
        with pytest.raises(InvalidStatus) as refused, connect(f"{url}/klippysocket"):
            pass
        response = refused.value.response
        return response.status_code, json.loads(response.body or b"{}")

    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, open_klippy)
    async with listening(daemon, reading, bridge) as (url, _scope):
        status, body = await in_thread(client, url)
    assert (status, body["error"]["code"]) == (503, 503)


async def test_bridge_carries_much(daemon: Daemon, reading: str, tmp_path: Path) -> None:
    path = str(tmp_path / "klippy")
    frame = b'{"params":"' + b"d" * 500 + b'"}\x03'

    async def klippy(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        for _ in range(50):
            await stream.send_all(frame * 100)

    def client(url: str) -> tuple[int, tuple[int, str]]:
        with connect(f"{url}/klippysocket") as ws:
            ws.send('{"method":"motion_report/dump_trapq","id":1}')
            for _ in range(5000):
                assert ws.recv() == frame[:-1].decode()
            return 5000, closed_by(ws)

    async def open_klippy() -> trio.SocketStream:
        return await trio.open_unix_socket(path)

    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, open_klippy)
    async with trio.open_nursery() as nursery, listening(daemon, reading, bridge) as (url, _scope):
        listener = trio.SocketListener(unix_listener(path))
        nursery.start_soon(trio.serve_listeners, klippy, [listener])
        assert await in_thread(client, url) == (5000, (1001, "Klippy Disconnected"))
        nursery.cancel_scope.cancel()


def unix_listener(path: str) -> Any:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(10)
    return trio.socket.from_stdlib_socket(sock)


async def test_unix_socket_listener_survives_its_server(daemon: Daemon, tmp_path: Path) -> None:
    path = str(tmp_path / "mrk.sock")
    listener = trio.SocketListener(unix_listener(path))

    def client() -> list[int]:
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(10)
            sock.connect(path)
            sock.sendall(b"".join(request("test.echo", n).encode() + b"\x03" for n in range(500)))
            answers = b""
            while answers.count(b"\x03") < 500:
                answers += sock.recv(65536)
        return [json.loads(part)["id"] for part in answers.split(b"\x03")[:-1]]

    for _ in range(3):
        async with trio.open_nursery() as nursery:
            await nursery.start(UnixSocket(daemon.hub).serve, listener)
            assert await in_thread(client) == list(range(500))
            nursery.cancel_scope.cancel()
    await listener.aclose()


async def test_others_are_served_within_100_ms_of_a_flood(daemon: Daemon, tmp_path: Path) -> None:
    path = str(tmp_path / "mrk.sock")
    listener = trio.SocketListener(unix_listener(path))
    slowest_s = 0.0
    clock = ProcessClock(os.getpid())

    def flood() -> None:
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.connect(path)
            sock.settimeout(0.05)
            blob = request("test.echo", text="f" * 20).encode() + b"\x03"
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                try:
                    sock.sendall(blob * 1000)
                except TimeoutError:
                    return  # back-pressure: nobody reads the answers

    def measure() -> float:
        slowest = 0.0
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(10)
            sock.connect(path)
            for number in range(50):
                began = clock.now()
                sock.sendall(request("test.echo", number).encode() + b"\x03")
                sock.recv(65536)
                slowest = max(slowest, clock.waited_s(began))
                time.sleep(0.02)
        return slowest

    async with trio.open_nursery() as nursery:
        await nursery.start(UnixSocket(daemon.hub).serve, listener)
        async with trio.open_nursery() as clients:
            clients.start_soon(in_thread, flood)
            slowest_s = await in_thread(measure)
        nursery.cancel_scope.cancel()
    await listener.aclose()
    assert slowest_s < 0.1
