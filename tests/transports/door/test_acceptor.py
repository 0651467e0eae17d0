"""The door on memory streams with a clock that jumps: limits at their edges, order, endings."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from mrk.definitions.limits import LARGE_CALL_BYTES, Limits
from mrk.http.head import RequestHead
from tests.fakes.http_house import House
from transports.door.body_reader import PROGRESS_BYTES

GET = b"GET /server/info HTTP/1.1\r\nHost: printer\r\n\r\n"
LIMITS = Limits(head_s=10, keep_alive_s=75, body_idle_s=60, body_bytes=100, head_bytes=2000)


class Client:
    """The far end of one connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream: Any = stream
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def answer(self, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Read one answer: status, headers, body."""
        while b"\r\n\r\n" not in self._buffer:
            await self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        size = int(headers.get("Content-Length", 0)) if has_body else 0
        while len(self._buffer) < size:
            await self._receive()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return int(lines[0].split(" ")[1]), headers, body

    async def _receive(self) -> None:
        data = await self.stream.receive_some()
        assert data, "the server closed"
        self._buffer += data

    async def ended(self) -> bool:
        """Whether the server closes without another word."""
        return not self._buffer and not await self.stream.receive_some()


@asynccontextmanager
async def connected(house: House, peer: str = "127.0.0.1") -> AsyncIterator[Client]:
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.end_idle)
        nursery.start_soon(house.door.serve_connection, far, peer)
        yield Client(near)
        nursery.cancel_scope.cancel()


async def status_of(house: House, data: bytes, peer: str = "127.0.0.1") -> int:
    """The status of the one answer to `data`, after which the server closes."""
    async with connected(house, peer) as client:
        await client.send(data)
        status, headers, body = await client.answer()
        assert headers["Connection"] == "close"
        assert json.loads(body)["error"]["code"] == status
        assert await client.ended()
        return status


async def test_requests_are_answered_in_order(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        post = (
            b"POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
        )
        await client.send(GET + post + b'{"text":"a"}' + b"GET /nothing HTTP/1.1\r\n\r\n" + GET)
        answers = [await client.answer() for _ in range(4)]
        assert [status for status, _, _ in answers] == [200, 200, 404, 200]
        assert json.loads(answers[1][2]) == {"result": {"text": "a", "number": None}}


async def test_byte_by_byte(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        chunked = (
            b"POST /echo HTTP/1.1\r\nContent-Type: application/json\r\n"
            b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"tex\r\n7\r\nt":"b"}\r\n0\r\n\r\n'
        )
        for byte in chunked + GET:
            await client.send(bytes([byte]))
        assert json.loads((await client.answer())[2])["result"]["text"] == "b"
        assert (await client.answer())[0] == 200


async def test_http_1_0(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        await client.send(b"GET /server/info HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (await client.answer())[1]["Connection"] == "keep-alive"
        await client.send(b"GET /server/info HTTP/1.0\r\n\r\n")
        assert (await client.answer())[1]["Connection"] == "close"
        assert await client.ended()


async def test_connection_close(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        await client.send(b"GET /server/info HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert (await client.answer())[1]["Connection"] == "close"
        assert await client.ended()


async def test_head_has_no_body(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        await client.send(b"HEAD /server/info HTTP/1.1\r\n\r\n" + GET)
        status, headers, _ = await client.answer(has_body=False)
        assert (status, headers["Content-Length"]) == (200, "22")
        assert (await client.answer())[2] == b'{"result":{"ok":true}}'


async def test_the_client_is_told_to_go_on(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        await client.send(
            b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        assert (await client.answer())[0] == 100
        await client.send(b"text=x")
        assert json.loads((await client.answer())[2])["result"]["text"] == "x"


async def test_who_is_refused_is_not_told_to_go_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    head = b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n"
    assert await status_of(House(), head, peer="10.0.0.9") == 401


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00junk\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 2000, 431),
        (b"POST /raw HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413),
        (b"POST /raw HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101, 413),
        (b"POST /raw HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /raw HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        (b"POST /raw HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
        (b"POST /raw HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /raw HTTP/1.1\r\nExpect: miracles\r\n\r\n", 417),
        (b"POST /nothing HTTP/1.1\r\nContent-Length: 10\r\n\r\n", 404),
        (b"CONNECT printer:80 HTTP/1.1\r\nContent-Length: 1\r\n\r\n", 404),
    ],
)
async def test_refusals_end_the_connection(
    autojump_clock: trio.testing.MockClock, data: bytes, status: int
) -> None:
    assert await status_of(House(limits=LIMITS), data) == status


async def test_an_emergency_stop_does_not_wait_for_its_body(
    autojump_clock: trio.testing.MockClock,
) -> None:
    house = House()
    async with connected(house) as client:
        await client.send(b"POST /stop HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
        await trio.testing.wait_all_tasks_blocked()
        assert house.outcomes == ["stopped"]
        await client.send(b"123456789" + GET)
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]


async def test_large_bodies_are_judged_one_at_a_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Others get their turn between two, so a flood of them delays nobody by their sum."""
    house = House()
    body = json.dumps({"text": "x" * LARGE_CALL_BYTES}).encode()
    kind = b"Content-Type: application/json\r\n"
    head = b"POST /echo HTTP/1.1\r\n" + kind + b"Content-Length: %d\r\n\r\n"
    turns: list[int] = []
    turn = 0

    async def count() -> None:
        nonlocal turn
        while True:
            await trio.lowlevel.checkpoint()
            turn += 1

    house.on_echo = lambda: turns.append(turn)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(house)) for _ in range(5)]
        for client in clients:
            await client.send(head % len(body) + body[:-1])
        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            for client in clients:
                nursery.start_soon(client.send, body[-1:])
            for client in clients:
                assert (await client.answer())[0] == 200
            nursery.cancel_scope.cancel()
    assert len(set(turns)) == len(turns) == len(clients)


async def test_the_largest_body_passes(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House(limits=LIMITS)) as client:
        await client.send(b"POST /raw HTTP/1.1\r\nContent-Length: 100\r\n\r\n" + b"x" * 100)
        assert (await client.answer())[0] == 200


async def test_a_slow_head_is_a_408(autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    assert await status_of(House(limits=LIMITS), b"GET /server") == 408
    assert trio.current_time() - began == pytest.approx(LIMITS.head_s)


async def test_a_head_just_in_time_passes(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House(limits=LIMITS)) as client:
        await client.send(GET[:9])
        await trio.sleep(LIMITS.head_s - 0.01)
        await client.send(GET[9:])
        assert (await client.answer())[0] == 200


async def test_a_slow_body_is_a_408(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House(limits=LIMITS)) as client:
        await client.send(b"POST /raw HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
        for _ in range(2):
            await trio.sleep(LIMITS.body_idle_s * 0.49)
            await client.send(b"x")
        # Two bytes are no progress.
        assert (await client.answer())[0] == 408
        assert await client.ended()


async def test_a_body_with_progress_may_take_its_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with connected(House()) as client:
        await client.send(
            b"POST /raw HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (3 * PROGRESS_BYTES)
        )
        for _ in range(3):
            await trio.sleep(Limits().body_idle_s - 1)
            await client.send(b"x" * PROGRESS_BYTES)
        assert (await client.answer())[0] == 200


async def test_idle_connections_end(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House(limits=LIMITS)) as client:
        await client.send(GET)
        await client.answer()
        began = trio.current_time()
        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(LIMITS.keep_alive_s)


async def test_idleness_begins_with_the_end_of_the_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.lockstep_stream_pair()
    house = House(limits=LIMITS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.end_idle)
        nursery.start_soon(house.door.serve_connection, far, "127.0.0.1")
        client = Client(near)
        await client.send(GET)
        await trio.sleep(LIMITS.send_s - 1)  # nothing of the answer is read meanwhile
        assert (await client.answer())[0] == 200
        began = trio.current_time()
        assert await client.ended()
        assert trio.current_time() - began == pytest.approx(LIMITS.keep_alive_s)
        nursery.cancel_scope.cancel()


async def test_each_connection_is_idle_for_itself(autojump_clock: trio.testing.MockClock) -> None:
    house, ends = House(limits=LIMITS), list[float]()

    async def ask_at(*seconds: float) -> None:
        near, far = trio.testing.memory_stream_pair()
        nursery.start_soon(house.door.serve_connection, far, "127.0.0.1")
        client = Client(near)
        for at in seconds:
            await trio.sleep_until(began + at)
            await client.send(GET)
            assert (await client.answer())[0] == 200
        assert await client.ended()
        ends.append(trio.current_time() - began)
        if len(ends) == 4:
            nursery.cancel_scope.cancel()

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.end_idle)
        for moments in ([], [0.5], [10, 80], [74, 148.5]):
            nursery.start_soon(ask_at, *moments)
    # To a second.
    assert ends == pytest.approx([75, 76, 155, 223.5])


@pytest.mark.parametrize("turns_later", range(4))
async def test_what_comes_as_idleness_ends_gets_no_answer(
    autojump_clock: trio.testing.MockClock, turns_later: int
) -> None:
    house = House(limits=LIMITS)
    async with connected(house) as client:
        await trio.sleep(LIMITS.keep_alive_s)
        for _ in range(turns_later):
            await trio.lowlevel.checkpoint()
        with contextlib.suppress(trio.BrokenResourceError):
            await client.send(GET)
        assert not await client.stream.receive_some()
        await trio.testing.wait_all_tasks_blocked()
        assert house.door.connections == 0


async def test_a_client_that_never_reads_is_closed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    near, far = trio.testing.lockstep_stream_pair()
    house = House()
    with trio.fail_after(house.limits.send_s + 1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.send_all, GET)
            await house.door.serve_connection(far, "127.0.0.1")
    assert house.door.connections == 0


async def test_a_waiting_get_ends_with_its_client(autojump_clock: trio.testing.MockClock) -> None:
    house = House()
    async with connected(house) as client:
        await client.send(b"GET /wait HTTP/1.1\r\n\r\n")
        await house.begun.wait()
        await client.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert house.outcomes == ["cancelled"]
        assert house.door.connections == 0


async def test_a_script_goes_on_without_its_client(
    autojump_clock: trio.testing.MockClock,
) -> None:
    house = House()
    async with connected(house) as client:
        await client.send(b"GET /script HTTP/1.1\r\n\r\n")
        await house.begun.wait()
        await client.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert house.outcomes == []
        house.released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert house.outcomes == ["done"]


async def test_what_is_sent_during_a_wait_is_answered_after_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    house = House()
    async with connected(house) as client:
        await client.send(b"GET /wait HTTP/1.1\r\n\r\n")
        await house.begun.wait()
        await client.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        house.released.set()
        assert json.loads((await client.answer())[2]) == {"result": "waited"}
        assert json.loads((await client.answer())[2]) == {"result": {"ok": True}}


@pytest.mark.parametrize("path", [b"/wait", b"/script"])
async def test_shutdown_gives_a_waiting_client_a_last_word(
    autojump_clock: trio.testing.MockClock, path: bytes
) -> None:
    house = House()
    near, far = trio.testing.memory_stream_pair()
    client = Client(near)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.serve_connection, far, "127.0.0.1")
        await client.send(b"GET " + path + b" HTTP/1.1\r\n\r\n")
        await house.begun.wait()
        nursery.cancel_scope.cancel()
    assert (await client.answer())[0] == 503
    assert await client.ended()
    assert house.outcomes == ["cancelled"]


async def test_websocket_handshakes_are_handed_on_whole(
    autojump_clock: trio.testing.MockClock,
) -> None:
    seen: list[tuple[str, bytes]] = []

    async def websocket(stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        seen.append((head.target, buffered))
        await stream.send_all(b"hello")

    house = House(upgrades={"/websocket": websocket}, route_prefix="/p")
    handshake = (
        b"GET /p/websocket?token= HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    async with connected(house) as client:
        await client.send(handshake + b"\x81\x80abcd")
        assert await client.stream.receive_some() == b"hello"
        assert await client.ended()
    assert seen == [("/p/websocket?token=", handshake + b"\x81\x80abcd")]


async def test_a_bug_behind_one_connection_stays_there(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        await stream.send_all(b"")
        raise ValueError("a bug")

    house = House(upgrades={"/websocket": broken})
    async with connected(house) as client:
        await client.send(
            b"GET /websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert await client.ended()
    assert "a bug" in caplog.text
