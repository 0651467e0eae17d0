"""What the kernel says of output on its way."""

import socket
import ssl

import pytest
import trio
from trio.testing import memory_stream_pair

from transports.door.limited_stream import LimitedStream
from transports.sockets.delivery import delivery


@pytest.mark.e2e
async def test_what_is_read_has_arrived_and_what_is_not_waits() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        theirs = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        ours = await listener.accept()
        async with theirs, ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            before = delivery(ours)
            assert before is not None
            assert before.waiting_bytes == 0
            await ours.send_all(b"x" * 1000)
            assert len(await theirs.receive_some(2000)) == 1000
            after = delivery(ours)
            assert after is not None
            assert (after.arrived_bytes - before.arrived_bytes, after.waiting_bytes) == (1000, 0)
            with trio.move_on_after(0.2):
                await ours.send_all(b"x" * 50_000_000)
            stuck = delivery(ours)
            assert stuck is not None
            assert stuck.waiting_bytes > 0
            assert delivery(ours) == stuck  # nobody reads
        assert delivery(ours) is None


def test_none_where_there_is_no_tcp() -> None:
    assert delivery(memory_stream_pair()[0]) is None


@pytest.mark.e2e
async def test_it_is_seen_below_tls_and_below_the_door() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        theirs = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        ours = await listener.accept()
        async with theirs, ours:
            await ours.send_all(b"x" * 1000)
            secure = trio.SSLStream(ours, ssl.create_default_context(), server_hostname="a")
            seen = delivery(ours)
            assert seen is not None
            for stream in (secure, LimitedStream(ours, 1), LimitedStream(secure, 1)):
                assert delivery(stream) == seen


@pytest.mark.e2e
async def test_none_on_a_unix_socket() -> None:
    ours, theirs = (trio.socket.from_stdlib_socket(one) for one in socket.socketpair())
    async with trio.SocketStream(ours) as near, trio.SocketStream(theirs):
        assert delivery(near) is None
