import contextlib
import os
from pathlib import Path

import pytest
import trio
import trio.testing

from transports.door.limited_stream import LimitedStream


async def test_a_stalled_send_breaks_the_stream(autojump_clock: trio.testing.MockClock) -> None:
    _, far = trio.testing.lockstep_stream_pair()
    stream = LimitedStream(far, 30)
    began = trio.current_time()
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")
    assert trio.current_time() - began == pytest.approx(30)


async def test_slow_but_steady_is_no_stall(autojump_clock: trio.testing.MockClock) -> None:
    near, far = trio.testing.lockstep_stream_pair()
    stream = LimitedStream(far, 30)
    data = bytes(range(256)) * 1024
    seen = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, data)
        while len(seen) < len(data):
            await trio.sleep(29)
            seen += await near.receive_some(64 * 1024)
    assert seen == data


@pytest.mark.parametrize("sending_first", [True, False])
async def test_shutdown_ends_a_send_under_any_shield(
    autojump_clock: trio.testing.MockClock, sending_first: bool
) -> None:
    _, far = trio.testing.lockstep_stream_pair()
    stream = LimitedStream(far, 30)
    began = trio.current_time()

    async def send_under_a_shield() -> None:
        with trio.move_on_after(1000, shield=True), pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")

    async with trio.open_nursery() as nursery:
        if sending_first:
            nursery.start_soon(send_under_a_shield)
            await trio.testing.wait_all_tasks_blocked()
            stream.finish_by(trio.current_time() + 0.3)
        else:
            stream.finish_by(trio.current_time() + 0.3)
            nursery.start_soon(send_under_a_shield)
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - began == pytest.approx(0.3)


async def test_an_answer_begun_is_finished_although_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.lockstep_stream_pair()
    stream = LimitedStream(far, 30)
    seen: list[bytes] = []

    async def read_late() -> None:
        await trio.sleep(5)
        seen.append(bytes(await near.receive_some()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_late)
        with trio.move_on_after(1):
            await stream.send_whole(b"answer")
    assert seen == [b"answer"]


def on_sockets(send_s: float = 30) -> tuple[LimitedStream, trio.SocketStream]:
    near, far = trio.socket.socketpair()
    return LimitedStream(trio.SocketStream(near), send_s), trio.SocketStream(far)


async def read_all(client: trio.SocketStream, seen: bytearray) -> None:
    while data := await client.receive_some():
        seen += data


@pytest.mark.parametrize("filled", [False, True])
async def test_an_answer_that_the_kernel_does_not_take_at_once_arrives_whole(filled: bool) -> None:
    stream, client = on_sockets()
    first = b""
    if filled:
        assert isinstance(stream.transport, trio.SocketStream)
        with contextlib.suppress(BlockingIOError):
            while True:
                first += b"-" * os.write(stream.transport.socket.fileno(), b"-" * 4096)
    answer, seen = os.urandom(3_000_000), bytearray()
    with trio.fail_after(20):
        async with client, trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_whole, answer)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(read_all, client, seen)
            while len(seen) < len(first) + len(answer):
                await trio.testing.wait_all_tasks_blocked(0.01)
            await stream.aclose()
    assert seen == first + answer


async def test_an_answer_to_who_has_gone_breaks_the_stream(tmp_path: Path) -> None:
    stream, client = on_sockets()
    await client.aclose()
    (tmp_path / "a").write_bytes(b"abc")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    try:
        for _ in range(2):
            with pytest.raises(trio.BrokenResourceError):
                await stream.send_whole(b"x")
            with pytest.raises(trio.BrokenResourceError):
                await stream.send_all(b"x")
            with pytest.raises(trio.BrokenResourceError):
                await stream.send_file(descriptor, 0, 3)
    finally:
        os.close(descriptor)
        await stream.aclose()


async def test_nothing_is_sent_behind_a_file_that_ended_early(tmp_path: Path) -> None:
    stream, client = on_sockets()
    (tmp_path / "a").write_bytes(b"abc")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    seen = bytearray()
    try:
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_file(descriptor, 0, 4)
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_whole(b"x")
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_file(descriptor, 0, 3)
    finally:
        os.close(descriptor)
        await stream.aclose()
    async with client:
        await read_all(client, seen)
    assert seen == b"abc"
