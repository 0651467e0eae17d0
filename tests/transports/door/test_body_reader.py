import pytest
import trio
import trio.testing

from mrk.http.refusal import Refusal
from transports.door.body_reader import (
    CHUNKED_RECEIVE_BYTES,
    PROGRESS_BYTES,
    BodyBudget,
    BodyReader,
)


async def read(budget: BodyBudget, size: int, address: str = "10.0.0.2") -> BodyReader:
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"x" * size + b"next")
    reader = BodyReader(far, b"", 60, 1000)
    assert await reader.read(size, budget, address) == b"x" * size
    assert reader.rest == b"next"
    return reader


async def test_all_bodies_together_have_a_limit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    budget = BodyBudget(1000)
    first = await read(budget, 500, "10.0.0.2")
    await read(budget, 500, "10.0.0.3")
    with pytest.raises(Refusal) as caught:
        await read(budget, 1, "10.0.0.4")
    assert caught.value.status == 503
    budget.give_back(first.held_bytes, "10.0.0.2")
    await read(budget, 500, "10.0.0.4")
    assert budget.held_bytes == 1000


async def test_one_address_holds_half_of_it(autojump_clock: trio.testing.MockClock) -> None:
    budget = BodyBudget(1000)
    await read(budget, 300)
    second = await read(budget, 200)
    with pytest.raises(Refusal) as caught:
        await read(budget, 1)
    assert caught.value.status == 503
    await read(budget, 1, "10.0.0.3")
    budget.give_back(second.held_bytes, "10.0.0.2")
    await read(budget, 200)


async def test_a_client_that_leaves_within_a_body(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"x")
    await near.send_eof()
    with pytest.raises(trio.BrokenResourceError):
        await BodyReader(far, b"", 60, 1000).read(2, BodyBudget(1000), "10.0.0.2")


async def test_a_chunked_body_is_taken_in_smaller_pieces(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.memory_stream_pair()
    chunks = b"1\r\nx\r\n" * CHUNKED_RECEIVE_BYTES
    await near.send_all(chunks)
    await near.send_eof()
    reader = BodyReader(far, b"", 60, CHUNKED_RECEIVE_BYTES // 6 + 1)
    # The limit is passed with the second piece; nothing behind it was taken.
    with pytest.raises(Refusal) as caught:
        await reader.read(None, BodyBudget(10**6), "10.0.0.2")
    assert caught.value.status == 413
    assert len(await far.receive_some()) == len(chunks) - 2 * CHUNKED_RECEIVE_BYTES


@pytest.mark.parametrize("rest", [b"", b"2\r\n", b"2\r\nab\r\n0\r\n\r\nne"])
async def test_what_is_behind_a_chunked_body_is_kept(
    rest: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"2\r\nab\r\n0\r\n\r\nnext"[len(rest) :])
    reader = BodyReader(far, rest, 60, 1000)
    assert await reader.read(None, BodyBudget(1000), "10.0.0.2") == b"ab"
    assert reader.held_bytes == 2
    if reader.rest == b"ne":
        reader.rest += await far.receive_some()
    assert reader.rest == b"next"


@pytest.mark.parametrize(("piece", "ends"), [(PROGRESS_BYTES, True), (PROGRESS_BYTES - 1, False)])
async def test_progress(autojump_clock: trio.testing.MockClock, piece: int, ends: bool) -> None:
    """One piece in two thirds of the limit, again and again."""
    near, far = trio.testing.memory_stream_pair()
    reader = BodyReader(far, b"", 60, 3 * piece)

    async def dribble() -> None:
        for _ in range(3):
            await trio.sleep(40)
            await near.send_all(bytes(piece))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dribble)
        if ends:
            body = await reader.read(3 * piece, BodyBudget(10**6), "10.0.0.2")
            assert len(body) == 3 * piece
        else:
            with pytest.raises(Refusal) as caught:
                await reader.read(3 * piece, BodyBudget(10**6), "10.0.0.2")
            assert caught.value.status == 408
        nursery.cancel_scope.cancel()
