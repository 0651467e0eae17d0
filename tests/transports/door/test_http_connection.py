"""Requests that are the same as the one before, and whose connection it is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from mrk.definitions.limits import Limits
from tests.fakes.http_house import House
from tests.transports.door.test_acceptor import Client, connected
from transports.door import http_connection
from transports.door.answer_budget import AnswerBudget
from transports.door.body_reader import BodyBudget
from transports.door.http_connection import HttpConnection
from transports.door.limited_stream import LimitedStream
from transports.door.routes import Routes

GET = b"GET /caller HTTP/1.1\r\nHost: printer\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"


async def test_the_same_request_is_answered_each_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with connected(House()) as client:
        for data in (GET, b"\r\n" + GET, GET + GET[:20], GET[20:] + GET + GET):
            await client.send(data)
        assert [(await client.answer())[0] for _ in range(6)] == [200] * 6
        other = GET.replace(b"/caller", b"/nothing")
        longer = GET[:-2] + b"Connection: close\r\n\r\n"
        await client.send(other + GET + longer)
        assert [(await client.answer())[0] for _ in range(3)] == [404, 200, 200]
        assert await client.ended()


async def test_the_same_head_may_have_another_body(autojump_clock: trio.testing.MockClock) -> None:
    async with connected(House()) as client:
        await client.send(POST + b'{"text":"a"}' + POST + b'{"text":"b"}')
        await client.send(POST + b'{"text":"c"}')
        bodies = [(await client.answer())[2] for _ in range(3)]
        assert [json.loads(body)["result"]["text"] for body in bodies] == ["a", "b", "c"]


async def test_blank_lines_begin_no_request(autojump_clock: trio.testing.MockClock) -> None:
    """Old clients end a body with one, and may ask again much later."""
    limits = Limits(head_s=5, keep_alive_s=60)
    async with connected(House(limits=limits)) as client:
        await client.send(POST + b'{"text":"a"}')
        assert (await client.answer())[0] == 200
        await client.send(b"\r\n")
        await trio.sleep(30)
        await client.send(GET)
        assert (await client.answer())[0] == 200
        await client.send(GET[:1])
        assert (await client.answer())[0] == 408


async def test_who_asks_the_same_again_may_have_lost_the_right_to(
    autojump_clock: trio.testing.MockClock,
) -> None:
    house = House()
    house.accounts.add_user("ann")
    asked = GET[:-2] + b"Authorization: Bearer ann-token\r\n\r\n"
    async with connected(house, "203.0.113.7") as client:
        await client.send(asked)
        assert (await client.answer())[0] == 200
        house.accounts.tokens.clear()
        await client.send(asked)
        assert (await client.answer())[0] == 401


@pytest.mark.parametrize("request_line", [b"GET /caller", b"GET /wait", b"POST /nothing"])
async def test_behind_a_closed_door_an_answer_is_the_last(
    request_line: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    house = House()
    last = request_line + b" HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    async with connected(house) as client:
        await client.send(GET)
        assert "Connection" not in (await client.answer())[1]
        await client.send(last[:-3])
        await trio.testing.wait_all_tasks_blocked()
        house.accepting.stop()
        house.released.set()
        await client.send(last[-3:] + GET)
        assert (await client.answer())[1]["Connection"] == "close"
        assert await client.ended()


@asynccontextmanager
async def served(house: House) -> AsyncIterator[tuple[Client, HttpConnection]]:
    near, far = trio.testing.memory_stream_pair()
    routes, limits = Routes(house.routes), Limits()
    stream, budget = LimitedStream(far, limits.send_s), BodyBudget(limits.body_bytes)
    connection = HttpConnection(stream, "127.0.0.1", False, routes, limits, budget)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        yield Client(near), connection
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"X-Forwarded-For: 192.168.1.7\r\n", "192.168.1.7"),
        (b"X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::/64"),
        (b"", "127.0.0.1"),
    ],
)
async def test_a_connection_is_whose_request_it_brought(
    autojump_clock: trio.testing.MockClock, header: bytes, expected: str
) -> None:
    async with served(House()) as (client, connection):
        assert connection.counted_address == "127.0.0.1"
        await client.send(GET[:-2] + header + b"\r\n")
        await client.answer()
        assert connection.counted_address == expected
        await client.send(GET)
        await client.answer()
        assert connection.counted_address == "127.0.0.1"


async def test_who_takes_no_answers_is_refused_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty connections that read nothing held an answer of 15 MB each."""
    monkeypatch.setattr(http_connection, "COUNTED_BYTES", 1000)
    routes, limits = Routes(House().routes), Limits()
    budget = BodyBudget(limits.body_bytes, answers=AnswerBudget(8000))
    body = json.dumps({"text": "x" * 1500}).encode()
    kind = b"Content-Type: application/json\r\n"
    asked = b"POST /echo HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (kind, len(body), body)

    async def client(nursery: trio.Nursery, peer: str) -> Client:
        near, far = trio.testing.lockstep_stream_pair()
        stream = LimitedStream(far, limits.send_s)
        nursery.start_soon(HttpConnection(stream, peer, False, routes, limits, budget).run)
        await near.send_all(asked)
        await trio.testing.wait_all_tasks_blocked()
        return Client(near)

    async with trio.open_nursery() as nursery:
        waiting = [await client(nursery, "127.0.0.1") for _ in range(2)]
        assert budget.answers.held_bytes > 3000
        status, _headers, refusal = await (await client(nursery, "127.0.0.1")).answer()
        assert status == 503
        assert b"Too many large answers" in refusal
        assert (await (await client(nursery, "127.0.0.2")).answer())[0] == 200
        for one in waiting:
            assert (await one.answer())[0] == 200
        await trio.testing.wait_all_tasks_blocked()
        assert budget.answers.held_bytes == 0
        nursery.cancel_scope.cancel()


def test_one_answer_alone_may_be_of_any_size() -> None:
    budget = AnswerBudget(100)
    assert budget.take(1000, "a")
    assert not budget.take(1, "a")
    assert budget.take(1, "b")
    assert not budget.take(1, "b")
    for size_bytes, address in ((1000, "a"), (1, "b")):
        budget.give_back(size_bytes, address)
    assert [budget.take(50, "a"), budget.take(1, "a"), budget.take(50, "b")] == [True, False, True]
    assert budget.held_bytes == 100
