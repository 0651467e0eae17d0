"""The door's accept loops: limits, errors of accept, and endings, on fake and real listeners."""

import errno
import json
import socket

import pytest
import trio
import trio.testing

from mrk.clients.registry import Clients
from mrk.clients.turns import Turns
from mrk.definitions.limits import Limits
from mrk.http.head import RequestHead
from tests.fakes.http_house import House
from tests.polling import until

GET = b"GET /server/info HTTP/1.1\r\nHost: printer\r\n\r\n"


class FailingListener(trio.abc.Listener[trio.SocketStream]):
    """Fails to accept for a while, as at the limit of descriptors."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.recovered = trio.Event()
        self.closed = False

    async def accept(self) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        self.recovered.set()
        await trio.sleep_forever()
        raise AssertionError

    async def aclose(self) -> None:
        self.closed = True


async def test_the_loop_outlives_errors_of_accept(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    listener = FailingListener(20)
    async with trio.open_nursery() as nursery:
        await nursery.start(House().door.serve, [listener])
        await listener.recovered.wait()
        nursery.cancel_scope.cancel()
    assert caplog.text.count("Too many open files") == 1
    assert not listener.closed


class NobodysTurn(Turns):
    """A crowd that never ends."""

    async def begin(self) -> None:
        await trio.sleep_forever()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"POST /printer/emergency_stop", 404),
        (b"POST /prefix/printer/emergency_stop?x=1", 404),
        (b"GET /server/info", None),
        (b"GET /server/info?/printer/emergency_sto", None),
    ],
)
async def test_an_emergency_stop_does_not_wait_for_a_crowd(
    request_line: bytes, status: int | None, autojump_clock: trio.testing.MockClock
) -> None:
    clients = Clients()
    clients.turns = NobodysTurn()
    house = House(clients=clients)
    near, far = trio.testing.memory_stream_pair()
    answer = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.serve_connection, far, "127.0.0.1")
        await near.send_all(request_line + b" HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        with trio.move_on_after(1):
            answer = bytes(await near.receive_some())
        nursery.cancel_scope.cancel()
    assert answer[:12] == (b"" if status is None else b"HTTP/1.1 %d" % status)


async def connect(listener: trio.SocketListener) -> trio.SocketStream:
    host, port = listener.socket.getsockname()[:2]
    return await trio.open_tcp_stream(host, port)


async def drained(stream: trio.SocketStream) -> bytes:
    data = b""
    async for part in stream:
        data += part
    return data


@pytest.mark.e2e
async def test_connections_over_the_limit_are_told_so() -> None:
    house = House(limits=Limits(connections=2))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, listener:
            await nursery.start(house.door.serve, [listener])
            kept = [await connect(listener) for _ in range(2)]
            for stream in kept:
                house.begun = trio.Event()
                await stream.send_all(GET.replace(b"/server/info", b"/wait"))
                await house.begun.wait()
            async with await connect(listener) as third:
                await third.send_all(GET)
                await third.send_eof()
                head, _, body = (await drained(third)).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 ")
                assert json.loads(body)["error"]["code"] == 503
            house.released.set()
            await kept[0].send_eof()
            await drained(kept[0])
            await until(lambda: house.door.connections == 1)  # noted behind the close
            async with await connect(listener) as fourth:
                await fourth.send_all(GET)
                assert (await fourth.receive_some()).startswith(b"HTTP/1.1 200 OK")
            nursery.cancel_scope.cancel()
    for stream in kept:
        await stream.aclose()


@pytest.mark.e2e
async def test_a_connection_that_is_handed_on_counts_until_it_ends() -> None:
    async def websocket(stream: trio.abc.Stream, _head: RequestHead, _buffered: bytes) -> None:
        await stream.send_all(b"hello")
        await stream.receive_some()

    house = House(limits=Limits(connections=1), upgrades={"/websocket": websocket})
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    upgrade = b"GET /websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, listener:
            await nursery.start(house.door.serve, [listener])
            async with await connect(listener) as first:
                await first.send_all(upgrade)
                assert await first.receive_some() == b"hello"
                async with await connect(listener) as second:
                    assert (await asked(second)).startswith(b"HTTP/1.1 503 ")
            await until(lambda: not house.door.connections)  # noted behind the close
            async with await connect(listener) as third:
                assert (await asked(third)).startswith(b"HTTP/1.1 200 OK")
            nursery.cancel_scope.cancel()


async def asked(stream: trio.SocketStream) -> bytes:
    await stream.send_all(GET)
    return await stream.receive_some()


@pytest.mark.e2e
async def test_at_the_limit_the_longest_idle_makes_room() -> None:
    house = House(limits=Limits(connections=3))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, listener:
            await nursery.start(house.door.serve, [listener])
            busy, first, second = [await connect(listener) for _ in range(3)]
            await busy.send_all(GET.replace(b"/server/info", b"/wait"))
            await house.begun.wait()
            for stream in (second, first):  # `second` has been idle longer now
                assert (await asked(stream)).startswith(b"HTTP/1.1 200 OK")
            third = await connect(listener)
            assert (await asked(third)).startswith(b"HTTP/1.1 200 OK")
            assert await second.receive_some() == b""
            assert (await asked(first)).startswith(b"HTTP/1.1 200 OK")
            # One that never asks is idle as well, and a crowd of them lets nobody starve.
            silent = [await connect(listener) for _ in range(10)]
            last = await connect(listener)
            assert (await asked(last)).startswith(b"HTTP/1.1 200 OK")
            await until(lambda: house.door.connections == 3)
            house.released.set()
            assert b"waited" in await busy.receive_some()
            nursery.cancel_scope.cancel()
    for stream in (busy, first, second, third, *silent, last):
        await stream.aclose()


@pytest.mark.e2e
async def test_of_a_crowd_that_waits_already_no_more_are_served_than_allowed() -> None:
    house = House(limits=Limits(connections=3))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        crowd = [await connect(listener) for _ in range(8)]
        async with trio.open_nursery() as nursery, listener:
            await nursery.start(house.door.serve, [listener])
            last = await connect(listener)
            assert (await asked(last)).startswith(b"HTTP/1.1 200 OK")
            await until(lambda: house.door.connections == 3)
            nursery.cancel_scope.cancel()
    for stream in (*crowd, last):
        await stream.aclose()


@pytest.mark.e2e
async def test_listeners_serve_the_next_generation() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        async with listener:
            for _ in range(3):
                async with trio.open_nursery() as nursery:
                    # Connected before anybody accepts: it waits in the kernel's queue.
                    stream = await connect(listener)
                    await nursery.start(House().door.serve, [listener])
                    await stream.send_all(GET)
                    assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK")
                    nursery.cancel_scope.cancel()
                await stream.aclose()


@pytest.mark.e2e
async def test_shutdown_does_not_wait_for_a_stalled_download() -> None:
    house = House(limits=Limits(goodbye_s=0.2), padding_bytes=30_000_000)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    with trio.fail_after(20):
        async with listener:
            async with trio.open_nursery() as nursery:
                await nursery.start(house.door.serve, [listener])
                stream = await connect(listener)
                await stream.send_all(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
                began = trio.current_time()
                nursery.cancel_scope.cancel()
            took_s = trio.current_time() - began
            await stream.aclose()
    assert took_s < house.limits.send_s / 2


@pytest.mark.e2e
async def test_who_asks_for_nothing_is_ended() -> None:
    house = House(limits=Limits(keep_alive_s=0.1))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(20):
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(house.door.serve, [listener])
            async with await connect(listener) as idle:
                await idle.send_all(GET)
                assert (await idle.receive_some()).startswith(b"HTTP/1.1 200 OK")
                assert await idle.receive_some() == b""
            nursery.cancel_scope.cancel()


@pytest.mark.e2e
async def test_who_reads_at_the_end_gets_all_of_its_answer() -> None:
    house = House(limits=Limits(goodbye_s=20), padding_bytes=3_000_000)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    with trio.fail_after(20):
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(house.door.serve, [listener])
            async with await connect(listener) as slow:
                await slow.send_all(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
                got = len(await slow.receive_some())
                nursery.cancel_scope.cancel()
                with trio.move_on_after(20, shield=True):
                    while data := await slow.receive_some():
                        got += len(data)
    assert got > house.padding_bytes


class NobodyLeaves(Turns):
    """A crowd that leaves and never gets to an end."""

    async def end(self) -> None:
        await trio.sleep_forever()


@pytest.mark.e2e
async def test_who_waits_for_a_turn_to_leave_makes_room() -> None:
    clients = Clients()
    clients.turns = NobodyLeaves()
    house = House(clients=clients, limits=Limits(connections=3))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, listener:
            await nursery.start(house.door.serve, [listener])
            for begun in (GET, GET[:20], b""):
                async with await connect(listener) as leaving:
                    await leaving.send_all(begun or b"\r\n")
                    await trio.testing.wait_all_tasks_blocked()
            await until(lambda: house.door.connections == 3)
            for _ in range(3):
                async with await connect(listener) as one:
                    assert (await asked(one)).startswith(b"HTTP/1.1 200 OK")
            nursery.cancel_scope.cancel()
