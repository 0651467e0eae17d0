import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from transports.door.limited_stream import LimitedStream
from transports.sockets.direct_receive import USUAL_BYTES, DirectReceive

pytestmark = pytest.mark.e2e


async def pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def test_what_came_is_returned_up_to_the_most() -> None:
    ours, theirs = await pair()
    async with ours, theirs:
        await theirs.send_all(b"x" * (USUAL_BYTES + 100))
        assert await DirectReceive(LimitedStream(ours, 1.0)).receive(USUAL_BYTES + 50) == b"x" * (
            USUAL_BYTES + 50
        )
        assert await DirectReceive(ours).receive(20) == b"x" * 20
        assert await DirectReceive(ours).receive(65536) == b"x" * 30
        await theirs.send_all(b"y" * USUAL_BYTES)
        assert await DirectReceive(ours).receive(65536) == b"y" * USUAL_BYTES


async def test_the_end_is_empty_and_later_reads_fail() -> None:
    ours, theirs = await pair()
    async with ours:
        await theirs.aclose()
        assert await DirectReceive(ours).receive(10) == b""
    with pytest.raises(trio.ClosedResourceError):
        await DirectReceive(ours).receive(10)


async def test_a_read_that_waits_ends_when_the_stream_is_closed() -> None:
    ours, theirs = await pair()

    async def read() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await DirectReceive(ours).receive(10)

    async with theirs, trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await ours.aclose()


async def test_a_reset_connection_is_broken() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0] as listener:
        client = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        server = await listener.accept()
    client.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await client.aclose()
    async with server:
        with pytest.raises(trio.BrokenResourceError):
            await DirectReceive(server).receive(10)
