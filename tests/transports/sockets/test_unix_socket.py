"""The unix socket over memory streams: framing, limits, accept errors, endings."""

import errno
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from mrk.api.caller import Transport
from mrk.definitions.limits import Limits
from tests.transports.sockets.conftest import Daemon
from transports.sockets.unix_socket import ACCEPT_RETRY_S, UnixSocket


class Listener(trio.abc.Listener[Any]):
    """Hands out server ends of stream pairs, or raises what is queued."""

    def __init__(self, pair: Any = memory_stream_pair) -> None:
        self._pair = pair
        self._send, self._receive = trio.open_memory_channel[Any](100)
        self.closed = False

    def connect(self) -> Any:
        client, server = self._pair()
        self._send.send_nowait(server)
        return Peer(client)

    def fail(self, error: OSError) -> None:
        self._send.send_nowait(error)

    async def accept(self) -> Any:
        item = await self._receive.receive()
        if isinstance(item, OSError):
            raise item
        return item

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


class Peer:
    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._buffer = b""

    async def call(self, method: str, id: int = 1, **params: object) -> None:
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": id}
        await self.stream.send_all(msgspec.json.encode(request) + b"\x03")

    async def message(self) -> Any:
        while b"\x03" not in self._buffer:
            chunk = await self.stream.receive_some(65536)
            if not chunk:
                raise EOFError
            self._buffer += bytes(chunk)
        frame, _, self._buffer = self._buffer.partition(b"\x03")
        return msgspec.json.decode(frame)

    async def at_end(self) -> bool:
        return self._buffer == b"" and await self.stream.receive_some(10) == b""


@asynccontextmanager
async def serving(daemon: Daemon, pair: Any = memory_stream_pair):  # type: ignore[no-untyped-def]
    listener = Listener(pair)
    async with trio.open_nursery() as nursery:
        await nursery.start(UnixSocket(daemon.hub).serve, listener)
        yield listener, nursery.cancel_scope
        nursery.cancel_scope.cancel()
    assert not listener.closed
    assert len(daemon.clients) == 0


async def test_pipelined_calls_are_answered_in_order(daemon: Daemon) -> None:
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        for index in range(2000):
            await peer.call("test.echo", index, text="hi")
        assert [(await peer.message())["id"] for _ in range(2000)] == list(range(2000))


async def test_clients_are_trusted_and_may_identify(daemon: Daemon) -> None:
    daemon.trusted = False
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        await peer.call("server.websocket.id", 1)
        id_ = (await peer.message())["result"]["websocket_id"]
        (client,) = daemon.clients
        assert (client.id, client.transport) == (id_, Transport.UNIX)
        daemon.clients.broadcast("notify_test")
        assert (await peer.message())["method"] == "notify_test"


@pytest.mark.parametrize("junk", [b"junk", b'"\xff"', b"{", b"[" * 100_000, b'{"a":"\x01"}'])
async def test_ten_unreadable_messages_in_a_row_close(daemon: Daemon, junk: bytes) -> None:
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        for _ in range(9):
            await peer.stream.send_all(junk + b"\x03")
            assert (await peer.message())["error"]["code"] == -32700
        await peer.call("test.echo")
        assert (await peer.message())["id"] == 1
        for _ in range(11):
            await peer.stream.send_all(junk + b"\x03")
        for _ in range(10):
            assert (await peer.message())["error"]["code"] == -32700
        assert await peer.at_end()


async def test_message_limit_at_its_edge() -> None:
    daemon = Daemon(Limits(unix_message_bytes=100))
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        body = b'{"jsonrpc":"2.0","method":"test.echo","id":1}'
        await peer.stream.send_all(body.ljust(100) + b"\x03")
        assert (await peer.message())["id"] == 1
        await peer.stream.send_all(body.ljust(101))
        assert (await peer.message())["error"]["code"] == -32600
        assert await peer.at_end()


async def test_what_was_read_of_a_message_counts_until_it_is_whole(daemon: Daemon) -> None:
    """Among what is kept for all clients together: past their limit somebody gives way."""
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        for size_bytes in (1000, 3000):
            await peer.stream.send_all(b" " * (size_bytes - daemon.clients.waiting.held_bytes))
            await wait_all_tasks_blocked()
            assert daemon.clients.waiting.held_bytes == size_bytes
        await peer.call("test.echo", 4)
        assert (await peer.message())["id"] == 4
        await wait_all_tasks_blocked()
        assert daemon.clients.waiting.held_bytes == 0


async def test_a_trailing_part_is_dropped_and_answers_still_come(daemon: Daemon) -> None:
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        await peer.call("test.echo", 4)
        await peer.stream.send_all(b'{"jsonrpc"')
        await peer.stream.send_eof()
        assert (await peer.message())["id"] == 4
        assert await peer.at_end()


async def test_connections_at_their_limit() -> None:
    daemon = Daemon(Limits(unix_connections=1))
    async with serving(daemon) as (listener, _scope):
        first = listener.connect()
        await wait_all_tasks_blocked()
        second = listener.connect()
        assert (await second.message())["error"]["code"] == 503
        assert await second.at_end()
        await first.stream.aclose()
        await wait_all_tasks_blocked()
        third = listener.connect()
        await third.call("test.echo")
        assert (await third.message())["id"] == 1


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOMEM, errno.ECONNABORTED])
async def test_failing_accepts_do_not_end_it_and_are_told_once(
    daemon: Daemon, code: int, autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(daemon) as (listener, _scope):
        for number in (1, 2):
            began = trio.current_time()
            for _ in range(3):
                listener.fail(OSError(code, "no"))
            peer = listener.connect()
            await peer.call("test.echo")
            assert (await peer.message())["id"] == 1
            told = [line for line in caplog.messages if "cannot accept" in line]
            assert len(told) == number
            # What is missing may stay so: it is not asked for without a pause.
            assert trio.current_time() - began == pytest.approx(3 * ACCEPT_RETRY_S)


async def test_a_stop_sends_the_last_answers_and_keeps_the_listener(daemon: Daemon) -> None:
    async with serving(daemon) as (listener, scope):
        peer = listener.connect()
        await peer.call("test.wait", 1)
        await peer.call("test.echo", 2)
        await wait_all_tasks_blocked()
        scope.cancel()
        with trio.CancelScope(shield=True):
            assert (await peer.message())["id"] == 2
            assert await peer.at_end()
    assert daemon.cancelled == 1


async def test_a_stalled_client_does_not_hold_a_stop(
    daemon: Daemon, autojump_clock: object
) -> None:
    async with serving(daemon, lockstep_stream_pair) as (listener, scope):
        peer = listener.connect()
        await peer.call("test.big", size=500_000)
        await wait_all_tasks_blocked()
        began = trio.current_time()
        scope.cancel()
    assert trio.current_time() - began == pytest.approx(daemon.limits.goodbye_s)


async def test_calls_in_flight_are_bounded_in_bytes() -> None:
    daemon = Daemon(Limits(unix_message_bytes=1000))
    async with serving(daemon) as (listener, _scope):
        peer = listener.connect()
        await peer.call("test.wait", 1, filler="x" * 800)
        await peer.call("test.wait", 2, filler="x" * 800)
        await peer.call("test.wait", 3)
        await wait_all_tasks_blocked()
        assert daemon.waiting == 2
        daemon.release.set()
        assert {(await peer.message())["id"] for _ in range(3)} == {1, 2, 3}
