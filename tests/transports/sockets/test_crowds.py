"""A crowd that comes or goes at once: how many the loop deals with before it looks at sockets."""

import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from mrk.clients.turns import AT_ONCE
from mrk.definitions.limits import Limits
from mrk.websocket.frames import close_frame
from tests.fakes.event_house import EventHouse
from tests.polling import until

pytestmark = pytest.mark.e2e
CROWD = 5 * AT_ONCE
# A turn is given to `AT_ONCE`; those of two turns may meet in a later step.
MOST = 2 * AT_ONCE
HEAD = "GET {} HTTP/1.1\r\nHost: printer:7125\r\n{}\r\n"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
REQUESTS = {
    "plain": HEAD.format("/server/connection/list", ""),
    "events": HEAD.format("/server/events", ""),
    "websocket": HEAD.format("/websocket", UPGRADE),
}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close(2) sends RST


class Steps(trio.abc.Instrument):
    """By how much a number changed at most between two looks of the loop at its sockets."""

    def __init__(self, number: Callable[[], int]) -> None:
        self._number = number
        self._last = number()
        self.most = 0

    def after_io_wait(self, timeout: float) -> None:
        now = self._number()
        self.most = max(self.most, abs(now - self._last))
        self._last = now


async def serve(
    house: EventHouse,
    listener: trio.SocketListener,
    tls: ssl.SSLContext | None,
    task_status: trio.TaskStatus[None],
) -> None:
    if tls is None:
        await house.door.serve([listener], task_status=task_status)
        return

    def wrap(stream: trio.abc.Stream) -> trio.SSLStream[trio.abc.Stream]:
        return trio.SSLStream(stream, tls, server_side=True, https_compatible=True)

    await house.door.serve([], tls_listeners=[listener], wrap_tls=wrap, task_status=task_status)


class Crowd:
    """Sockets of one thread with the loop: what is done to all is done between two looks."""

    def __init__(self, house: EventHouse, port: int, stack: ExitStack) -> None:
        self._house = house
        self.sockets = [stack.enter_context(socket.socket()) for _ in range(CROWD)]
        for one in self.sockets:
            one.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        for one in self.sockets:
            one.send(data)

    def close(self) -> None:
        for one in self.sockets:
            one.close()

    def reset(self) -> None:
        for one in self.sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def reset_unheard(self) -> None:
        """Gone, but the loop learns it from what it sends."""
        self.reset()
        self._house.clients.broadcast("notify_something")

    def say_goodbye(self) -> None:
        frame = close_frame(1000, "")
        masked = bytes([frame[0], frame[1] | 0x80]) + bytes(4) + frame[2:]
        self.send(masked)
        self.close()


@asynccontextmanager
async def crowd(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[EventHouse, Crowd]]:
    house = EventHouse(Limits(connections=2 * CROWD, websockets=2 * CROWD))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with ExitStack() as stack:
        async with trio.open_nursery() as nursery, listener:
            await nursery.start(house.websocket.serve)
            await nursery.start(partial(serve, house, listener, tls))
            together = Crowd(house, listener.socket.getsockname()[1], stack)
            await until(lambda: house.door.connections == CROWD)
            yield house, together
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("kind", "leave"),
    [
        ("plain", Crowd.close),
        ("plain", Crowd.reset),
        ("events", Crowd.close),
        ("events", Crowd.reset),
        ("events", Crowd.reset_unheard),
        ("websocket", Crowd.close),
        ("websocket", Crowd.reset),
        ("websocket", Crowd.reset_unheard),
        ("websocket", Crowd.say_goodbye),
    ],
)
async def test_a_crowd_that_leaves_is_let_go_a_few_at_a_time(
    kind: str, leave: Callable[[Crowd], None]
) -> None:
    async with crowd() as (house, together):
        together.send(REQUESTS[kind].encode())
        await until(lambda: sum(house.answered.values()) == CROWD)
        steps = Steps(lambda: house.door.connections)
        trio.lowlevel.add_instrument(steps)
        leave(together)
        await until(lambda: house.door.connections == 0)
        trio.lowlevel.remove_instrument(steps)
        assert 0 < steps.most <= MOST
        assert len(house.clients) == 0


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("first_bytes", [0, 30])
async def test_a_crowd_that_asks_for_the_first_time_is_answered_a_few_at_a_time(
    kind: str, first_bytes: int
) -> None:
    async with crowd() as (house, together):
        request = REQUESTS[kind].encode()
        if first_bytes:
            together.send(request[:first_bytes])
            await until(lambda: not len(house.clients.turns))
            await trio.testing.wait_all_tasks_blocked(0.01)
        steps = Steps(lambda: sum(house.answered.values()))
        trio.lowlevel.add_instrument(steps)
        together.send(request[first_bytes:])
        await until(lambda: sum(house.answered.values()) == CROWD)
        trio.lowlevel.remove_instrument(steps)
        assert 0 < steps.most <= MOST


def tls_hello() -> bytes:
    """The first bytes of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = context.wrap_bio(incoming, outgoing, server_hostname="printer")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def server_side(folder: Path, heard: Callable[[], None]) -> ssl.SSLContext:
    """A context that calls `heard` for each hello."""
    files = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=printer"]
    command += ["-keyout", str(files[0]), "-out", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    context.sni_callback = lambda *_: heard()
    return context


async def test_a_crowd_shakes_hands_a_few_at_a_time(tmp_path: Path) -> None:
    heard: list[None] = []
    tls = await trio.to_thread.run_sync(server_side, tmp_path, lambda: heard.append(None))
    async with crowd(tls) as (_house, together):
        steps = Steps(lambda: len(heard))
        trio.lowlevel.add_instrument(steps)
        together.send(tls_hello())
        await until(lambda: len(heard) == CROWD)
        trio.lowlevel.remove_instrument(steps)
        assert 0 < steps.most <= MOST
