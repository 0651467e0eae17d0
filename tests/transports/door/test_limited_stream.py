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
