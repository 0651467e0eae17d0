"""Streamed bodies: whose time counts, where a body ends, and when a client may go on."""

import socket

import pytest
import trio
import trio.testing

from mrk.clients.accepting import Accepting
from mrk.definitions.limits import Limits
from mrk.http.framing import Framing
from mrk.http.head import RequestHead
from mrk.http.refusal import Refusal
from mrk.http.response import Response
from mrk.metrics.request_counts import Tally
from transports.door.body_reader import PROGRESS_BYTES
from transports.door.body_stream import CONTINUE, BodyStream
from transports.door.limited_stream import LimitedStream

IDLE_S = 60.0
LIMITS = Limits(body_idle_s=IDLE_S)
HEAD = RequestHead("POST", "/", "1.1", [], "127.0.0.1", "127.0.0.1")


def body_of(
    size: int | None, rest: bytes = b"", expects: bool = False
) -> tuple[BodyStream, trio.abc.Stream]:
    near, far = trio.testing.memory_stream_pair()
    stream = LimitedStream(far, 30)
    return BodyStream(stream, HEAD, Framing(size, True, expects, ""), rest, LIMITS), near


ANSWER = Response(200, b"")


async def read(body: BodyStream) -> bytes:
    found = b""
    while part := await body.receive():
        found += part
    return found


async def test_a_body_ends_where_it_says() -> None:
    body, client = body_of(6, b"ab")
    await client.send_all(b"cdefGET /")
    assert await read(body) == b"abcdef"
    assert body.rest == b"GET /"
    assert body.keep_alive


async def test_a_chunked_body() -> None:
    body, client = body_of(None, b"3\r\nabc\r\n2")
    await client.send_all(b"\r\nde\r\n0\r\n\r\nGET /")
    assert await read(body) == b"abcde"
    assert body.rest == b"GET /"


@pytest.mark.parametrize("cut", range(1, 12))
async def test_a_cut_within_chunks_is_no_end(cut: int) -> None:
    whole = b"3\r\nabc\r\n0\r\n\r\n"
    body, client = body_of(None, whole[:cut])
    await client.send_all(whole[cut:])
    assert await read(body) == b"abc"
    assert body.body_read


async def test_a_client_that_closes_behind_the_answer_gets_the_last_one() -> None:
    near, far = trio.testing.memory_stream_pair()
    stream = LimitedStream(far, LIMITS.send_s)
    body = BodyStream(stream, HEAD, Framing(0, False, False, ""), b"", LIMITS)
    await body.answer(ANSWER)
    assert not body.keep_alive
    assert b"\r\nConnection: close\r\n" in await near.receive_some()


async def test_what_was_not_read_ends_the_connection() -> None:
    body, client = body_of(6, b"ab")
    assert await body.receive() == b"ab"
    assert not body.body_read
    assert not body.keep_alive
    await client.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await body.receive()


@pytest.mark.parametrize(
    ("broken", "end"),
    [
        (b"zz\r\n", b"0\r\n\r\n"),
        (b"1\r\nab\r\n", b"\r\n0\r\n\r\n"),
        (b"0\r\nno trailer\r\n", b"\r\n"),
    ],
)
async def test_behind_broken_chunks_there_is_no_other_request(
    broken: bytes, end: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    body, client = body_of(None)
    await client.send_all(broken)
    with pytest.raises(Refusal):
        await read(body)
    await client.send_all(end + b"GET /")
    began = trio.current_time()
    await body.answer(ANSWER)
    assert trio.current_time() == began
    assert not body.keep_alive
    assert b"\r\nConnection: close\r\n" in await client.receive_some()


async def test_who_fell_silent_is_answered_without_another_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    body, client = body_of(10)
    with pytest.raises(Refusal):
        await body.receive()
    began = trio.current_time()
    await body.answer(ANSWER)
    assert trio.current_time() == began
    assert b"\r\nConnection: close\r\n" in await client.receive_some()


async def test_a_client_that_waits_is_told_once_to_go_on() -> None:
    body, client = body_of(4, expects=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, body)
        assert await client.receive_some() == CONTINUE
        await client.send_all(b"ab")
        await client.send_all(b"cd")
    await body.answer(ANSWER)
    assert (await client.receive_some()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("rest", "expects"), [(b"ab", True), (b"a", True), (b"", False)])
async def test_who_sends_already_or_did_not_ask_is_not_told(rest: bytes, expects: bool) -> None:
    body, client = body_of(2, rest, expects=expects)
    await client.send_all(b"ab"[len(rest) :])
    assert await read(body) == b"ab"
    await body.answer(ANSWER)
    assert (await client.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_a_silent_client(autojump_clock: trio.testing.MockClock) -> None:
    body, _client = body_of(10)
    began = trio.current_time()
    with pytest.raises(Refusal) as refused:
        await body.receive()
    assert refused.value.status == 408
    assert trio.current_time() - began == pytest.approx(IDLE_S)


@pytest.mark.parametrize(("piece", "ends"), [(PROGRESS_BYTES, True), (PROGRESS_BYTES - 1, False)])
async def test_progress(autojump_clock: trio.testing.MockClock, piece: int, ends: bool) -> None:
    """One piece in two thirds of the limit, again and again."""
    body, client = body_of(piece * 3)

    async def dribble() -> None:
        for _ in range(3):
            await trio.sleep(IDLE_S * 2 / 3)
            await client.send_all(bytes(piece))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dribble)
        if ends:
            assert len(await read(body)) == piece * 3
        else:
            with pytest.raises(Refusal):
                await read(body)
            nursery.cancel_scope.cancel()


async def test_a_slow_disk_is_not_the_clients_fault(
    autojump_clock: trio.testing.MockClock,
) -> None:
    body, client = body_of(3)
    for piece in (b"a", b"b", b"c"):
        await client.send_all(piece)
        assert await body.receive() == piece
        await trio.sleep(IDLE_S * 2)
    assert body.body_read


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_answers_are_counted_and_head_gets_no_body(method: str) -> None:
    near, far = trio.testing.memory_stream_pair()
    head = RequestHead(method, "/", "1.1", [], "127.0.0.1", "127.0.0.1")
    frame, counts = Framing(0, True, False, ""), Tally()
    body = BodyStream(LimitedStream(far, LIMITS.send_s), head, frame, b"", LIMITS, counts=counts)
    await body.answer(Response(404, b"abc"))
    assert body.answered
    assert counts == {404: 1}
    top, _, content = (await near.receive_some()).partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: 3" in top
    assert content == (b"abc" if method == "GET" else b"")


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    body, client = body_of(0)
    await body.begin_answer(Response(200, b"first", "text/plain"))
    await body.send_part(b"second")
    sent = bytes(await client.receive_some(4096))
    top, _, content = sent.partition(b"\r\n\r\n")
    assert content == b"firstsecond"
    assert b"Connection: close" in top
    assert b"Content-Length" not in top
    assert not body.keep_alive


async def test_a_client_that_left_is_noticed_while_it_is_answered() -> None:
    body, client = body_of(0)
    await body.begin_answer(Response(200, b"", "text/plain"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.wait_left)
        await client.send_all(b"what it still says")
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks
        await client.aclose()
    assert not nursery.child_tasks


async def test_a_client_that_vanished_is_let_go_by_the_kernel() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        ours = await trio.testing.open_stream_to_socket_listener(listener)
        theirs = await listener.accept()
        async with ours, theirs:
            option = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            stream = LimitedStream(theirs, send_s=30.0)
            body = BodyStream(stream, HEAD, Framing(0, True, False, ""), b"", LIMITS)
            assert theirs.getsockopt(*option) == 0
            await body.begin_answer(Response(200, b"", "text/plain"))
            assert theirs.getsockopt(*option) == 30_000


async def test_behind_a_closed_door_the_answer_is_the_last() -> None:
    accepting, (near, far) = Accepting(), trio.testing.memory_stream_pair()
    stream = LimitedStream(far, LIMITS.send_s)
    frame = Framing(0, True, False, "")
    body = BodyStream(stream, HEAD, frame, b"", LIMITS, accepting=accepting)
    assert body.keep_alive
    accepting.stop()
    await body.answer(Response(200, b"x"))
    assert b"\r\nConnection: close\r\n" in await near.receive_some()


async def test_an_early_answer_waits_for_a_short_rest_and_the_connection_goes_on() -> None:
    refused: list[None] = []
    near, far = trio.testing.memory_stream_pair()
    stream = LimitedStream(far, LIMITS.send_s)
    frame = Framing(6, True, False, "")
    body = BodyStream(stream, HEAD, frame, b"ab", LIMITS, lambda: refused.append(None))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.answer, ANSWER)
        await trio.testing.wait_all_tasks_blocked()
        assert not body.answered
        assert refused == [None]
        await near.send_all(b"cdefGET /")
    assert body.keep_alive
    assert body.rest == b"GET /"
    assert b"Connection: close" not in await near.receive_some()


@pytest.mark.parametrize(
    ("expects", "keep_alive", "more"),
    [(True, True, b""), (False, False, b""), (False, True, b"ab")],
)
async def test_an_early_answer_waits_for_nothing_that_helps_nobody(
    expects: bool, keep_alive: bool, more: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = trio.testing.memory_stream_pair()
    frame = Framing(2, keep_alive, expects, "")
    body = BodyStream(LimitedStream(far, LIMITS.send_s), HEAD, frame, more, LIMITS)
    if more:
        assert await body.receive() == more
    began = trio.current_time()
    await body.answer(ANSWER)
    assert trio.current_time() == began
    assert body.keep_alive is bool(more)
    assert (await near.receive_some()).startswith(b"HTTP/1.1 200 ")


BOUND = Limits(unread_body_bytes=4, unread_body_s=5)


def unread(size: int | None, rest: bytes) -> BodyStream:
    _near, far = trio.testing.memory_stream_pair()
    return BodyStream(LimitedStream(far, 30), HEAD, Framing(size, True, False, ""), rest, BOUND)


@pytest.mark.parametrize(
    ("size", "rest", "status"),
    [
        (4, b"abcd", None),
        (5, b"abcde", 413),
        (None, b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", None),
        (None, b"2\r\nab\r\n3\r\ncde\r\n1\r\nf\r\n0\r\n\r\n", 413),
        (4, b"abc", 408),
        (None, b"2\r\nab\r\n", 408),
    ],
)
async def test_what_is_skipped_is_bounded(
    size: int | None, rest: bytes, status: int | None, autojump_clock: trio.testing.MockClock
) -> None:
    body, began = unread(size, rest), trio.current_time()
    if status is None:
        await body.skip()
        assert body.body_read
    else:
        with pytest.raises(Refusal) as refused:
            await body.skip()
        assert refused.value.status == status
    assert trio.current_time() - began == (BOUND.unread_body_s if status == 408 else 0)
