"""Websockets on plain sockets, read by one task for all, with tasks only while something waits."""

import contextlib
import gc
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from wsproto.events import CloseConnection, Ping

from mrk.definitions.limits import Limits
from tests.polling import until
from tests.transports.sockets.conftest import Daemon, Peer, head_bytes, upgrade_head
from transports.sockets.client_connection import SERVER_RESTART
from transports.sockets.served_websocket import ServedWebsocket

pytestmark = pytest.mark.e2e


class House:
    """A websocket service and the clients that are connected to it."""

    def __init__(
        self, daemon: Daemon, nursery: trio.Nursery, stack: contextlib.AsyncExitStack
    ) -> None:
        self.daemon = daemon
        self.nursery = nursery
        self.over = 0
        self.stack = stack

    async def open(self) -> tuple[Peer, ServedWebsocket]:
        """A client behind its handshake, which is kept."""
        ours, theirs = await stream_pair()
        head = upgrade_head()
        served = await self.daemon.websocket.serve_connection(theirs, head, head_bytes(head))
        assert served is not None

        def over(stream: trio.SocketStream) -> None:
            self.over += 1
            stream.socket.close()

        served.when_over = over
        peer = Peer(await self.stack.enter_async_context(ours))
        assert "101" in await peer.handshake()
        return peer, served

    async def until_over(self, count: int = 1) -> None:
        await until(lambda: self.over == count)
        assert (len(self.daemon.clients), self.daemon.admission.connections) == (0, 0)


async def stream_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Both ends of a TCP connection."""
    async with contextlib.AsyncExitStack() as stack:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await stack.enter_async_context(listener)
        ours = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        return ours, await listener.accept()


@asynccontextmanager
async def house(daemon: Daemon) -> AsyncIterator[House]:
    with trio.fail_after(30):
        async with contextlib.AsyncExitStack() as stack, trio.open_nursery() as nursery:
            await nursery.start(daemon.websocket.serve)
            yield House(daemon, nursery, stack)
            nursery.cancel_scope.cancel()


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def test_who_says_nothing_has_no_task(daemon: Daemon) -> None:
    async with house(daemon) as here:
        await here.open()  # which carries the pings of all
        await trio.testing.wait_all_tasks_blocked()
        before = tasks()
        peers = [(await here.open())[0] for _ in range(20)]
        assert tasks() == before
        for number, peer in enumerate(peers):
            await peer.call("test.echo", number, text="x" * 5000)
        daemon.clients.broadcast("notify_test")
        for peer in peers:
            messages = [await peer.message() for _ in range(2)]
            assert {"method" in message for message in messages} == {True, False}
        assert tasks() == before
        for peer in peers:
            await peer.call("test.wait", 1)
        await until(lambda: daemon.waiting == 20)
        daemon.release.set()
        for peer in peers:
            assert (await peer.message())["result"] == "waited"
        await until(lambda: tasks() == before)


@pytest.mark.parametrize("ticks", range(30))
async def test_cancelled_at_any_moment(daemon: Daemon, ticks: int) -> None:
    """Whatever is under way, all say goodbye and nothing is left."""
    daemon.limits = Limits(goodbye_s=0.02)
    daemon.__post_init__()
    async with house(daemon) as here:
        peers = [(await here.open())[0] for _ in range(4)]
        await peers[0].call("test.wait", 1)
        await peers[1].send('{"jsonrpc":', finished=False)
        await peers[2].stream.aclose()
        await peers[3].send(json.dumps([{"jsonrpc": "2.0", "method": "test.echo", "id": 1}] * 50))
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        daemon.clients.broadcast("notify_test")
        daemon.ending = SERVER_RESTART if ticks % 2 else daemon.ending
        here.nursery.cancel_scope.cancel()
    assert here.over == 4
    assert (len(daemon.clients), daemon.admission.connections, daemon.waiting) == (0, 0, 0)


async def test_the_end_of_the_service_is_told(daemon: Daemon) -> None:
    closed: list[tuple[int, str | None]] = []
    async with trio.open_nursery() as clients:
        async with house(daemon) as here:
            for _ in range(3):
                peer, _ = await here.open()

                async def hear(peer: Peer = peer) -> None:
                    closed.append(await peer.closed())

                clients.start_soon(hear)
        assert here.over == 3
    assert closed == [(1001, "Server Shutdown")] * 3


async def test_who_is_not_kept_is_served_in_the_call(daemon: Daemon) -> None:
    """While the service does not run."""
    ours, theirs = await stream_pair()
    head = upgrade_head()
    async with trio.open_nursery() as nursery:
        serve = daemon.websocket.serve_connection
        nursery.start_soon(serve, theirs, head, head_bytes(head))
        peer = Peer(ours)
        assert "101" in await peer.handshake()
        await peer.call("test.echo", 5, text="here")
        assert (await peer.message())["result"] == "here"
        assert daemon.admission.connections == 1
        await ours.aclose()
    await theirs.aclose()
    assert daemon.admission.connections == 0


async def test_a_goodbye_is_answered(daemon: Daemon) -> None:
    async with house(daemon) as here:
        peer, _ = await here.open()
        await peer.stream.send_all(peer.wire.send(CloseConnection(code=1000)))
        event = await peer.event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1000
        await here.until_over()


async def test_who_vanishes_is_forgotten_with_its_calls(daemon: Daemon) -> None:
    async with house(daemon) as here:
        for linger in (False, True):
            peer, _ = await here.open()
            await peer.call("test.wait", 1)
            await until(lambda: daemon.waiting == 1)
            if linger:  # a reset instead of a goodbye
                linger_0 = struct.pack("ii", 1, 0)
                peer.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
            await peer.stream.aclose()
            await here.until_over(2 if linger else 1)
            assert daemon.waiting == 0
        assert daemon.cancelled == 2


async def test_frames_that_are_none_end_it(daemon: Daemon) -> None:
    async with house(daemon) as here:
        peer, _ = await here.open()
        await peer.stream.send_all(b"\x83\x80abcd")
        assert (await peer.closed())[0] == 1002
        await here.until_over()


async def test_what_was_sent_with_the_handshake_is_answered(daemon: Daemon) -> None:
    async with house(daemon) as here:
        ours, theirs = await stream_pair()
        head, peer = upgrade_head(), Peer(ours)
        call = b'{"jsonrpc":"2.0","method":"test.echo","params":{"text":"early"},"id":1}'
        frame = b"\x81" + bytes([0x80 | len(call)]) + bytes(4) + call
        served = await daemon.websocket.serve_connection(theirs, head, head_bytes(head) + frame)
        assert served is not None
        served.when_over = lambda stream: stream.socket.close()
        await here.stack.enter_async_context(ours)
        assert "101" in await peer.handshake()
        assert (await peer.message())["result"] == "early"


@pytest.mark.parametrize("size", [100, 3_000_000])
async def test_who_does_not_read_is_not_read_either(daemon: Daemon, size: int) -> None:
    """More is asked than may wait: all is answered in order once the client reads."""
    count = 400 if size == 100 else 12
    async with house(daemon) as here:
        peer, served = await here.open()

        async def ask() -> None:
            for number in range(count):
                await peer.call("test.big", number, size=size)
                await peer.call("test.echo", -1 - number, text="y" * 4000)

        async with trio.open_nursery() as asking:
            asking.start_soon(ask)
            await until(lambda: served.connection._awake)
            answers = [await peer.message() for _ in range(2 * count)]
        expected = [id_ for number in range(count) for id_ in (number, -1 - number)]
        # Small ones may overtake those that are framed in a thread.
        assert sorted(one["id"] for one in answers) == sorted(expected)
        if size == 100:
            assert [one["id"] for one in answers] == expected


async def test_a_large_message_and_more_calls_than_may_be_in_flight(daemon: Daemon) -> None:
    daemon.limits = Limits(requests_in_flight=3)
    daemon.__post_init__()
    async with house(daemon) as here:
        peer, _ = await here.open()
        for number in range(5):
            await peer.call("test.wait", number)
        await peer.call("test.echo", 9, text="é" * 500_000)
        assert (await peer.message())["result"] == "é" * 500_000
        daemon.release.set()
        waited = [(await peer.message())["id"] for _ in range(5)]
        assert sorted(waited) == [0, 1, 2, 3, 4]
        await peer.call("test.echo", 10, text="and on")
        assert (await peer.message())["result"] == "and on"


async def no_close_frame(peer: Peer) -> None:
    """The connection ends, and the client may think that it should come back."""

    async def listen() -> None:
        while not isinstance(await peer.event(), CloseConnection):
            pass

    with pytest.raises(EOFError):
        await listen()
    await peer.stream.aclose()


async def test_who_does_not_answer_pings_is_ended(daemon: Daemon) -> None:
    daemon.limits = Limits(ping_s=0.4)
    daemon.__post_init__()
    pings = 0
    async with house(daemon) as here, trio.open_nursery() as nursery:
        good, _ = await here.open()
        bad, _ = await here.open()
        bad.pongs = False

        async def answer() -> None:
            nonlocal pings
            while True:
                pings += isinstance(await good.event(), Ping)

        nursery.start_soon(answer)
        await no_close_frame(bad)
        await until(lambda: here.over == 1)
        beyond = pings + 2
        await until(lambda: pings >= beyond)
        assert daemon.admission.connections == 1
        nursery.cancel_scope.cancel()


async def test_one_that_ends_leaves_nothing_to_a_garbage_collection(daemon: Daemon) -> None:
    def kept() -> int:
        return sum(isinstance(one, ServedWebsocket) for one in gc.get_objects())

    async with house(daemon) as here:
        gc.collect()
        gc.disable()
        try:
            before = kept()
            peer = (await here.open())[0]
            await peer.stream.send_all(b"\x81\xfe\xff\xff\0\0\0\0" + b"x" * 10_000)  # not whole
            assert kept() == before + 1
            await peer.stream.aclose()
            await until(lambda: here.over == 1)
            await until(lambda: kept() == before)
        finally:
            gc.enable()


async def test_what_is_sent_to_a_client_is_no_life_of_it(daemon: Daemon) -> None:
    daemon.limits = Limits(ping_s=0.4)
    daemon.__post_init__()
    async with house(daemon) as here, trio.open_nursery() as nursery:
        peer, _ = await here.open()
        peer.pongs = False

        async def tell() -> None:
            while True:
                daemon.clients.broadcast("notify_tick")
                await trio.sleep(0.05)

        nursery.start_soon(tell)
        await no_close_frame(peer)
        nursery.cancel_scope.cancel()


async def test_who_takes_long_to_read_what_waits_lives(daemon: Daemon) -> None:
    daemon.limits = Limits(ping_s=0.6, outbox_bytes=40_000_000)
    daemon.__post_init__()
    async with house(daemon) as here:
        peer, _ = await here.open()
        peer.pongs = False
        await peer.call("test.echo", 1, text="x" * 9_000_000)
        received, began = 0, trio.current_time()
        while trio.current_time() < began + 2.5:  # four pings, none of which it has read
            received += len(await peer.stream.receive_some(100_000))
            await trio.sleep(0.05)
        assert received < 9_000_000, "it has read the pings"
        assert here.over == 0


async def ends_by_a_bug(here: House, peer: Peer, other: Peer) -> None:
    """One is told of it, and the other is served as before."""
    event = await peer.event()
    assert isinstance(event, CloseConnection)
    assert event.code == 1011
    await until(lambda: here.over == 1)
    await other.call("test.echo", 1, text="still")
    assert (await other.message())["result"] == "still"


async def test_a_bug_in_one_stays_there(daemon: Daemon, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_id: int) -> None:
        raise RuntimeError("a bug in somebody who was told")

    daemon.clients.on_departure(broken)
    async with house(daemon) as here:
        other, _ = await here.open()
        peer, _ = await here.open()
        await peer.stream.send_eof()
        await ends_by_a_bug(here, peer, other)
    # The other one's departure fails, too, and ends it all the same.
    assert here.over == 2
    assert caplog.text.count("because of a bug") == 2


async def test_a_bug_between_two_tasks_ends_it(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("a bug in what was read")

    async with house(daemon) as here:
        other, _ = await here.open()
        peer, served = await here.open()
        served.connection.step(broken)
        await ends_by_a_bug(here, peer, other)
    assert caplog.text.count("because of a bug") == 1
