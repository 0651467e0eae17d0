"""Requests on a connection to Klippy: when they are sent, and who is told of the replies."""

import contextlib
import json
import os
from collections.abc import AsyncIterator

import msgspec
import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from mrk.clients.send_batch import SendBatch
from mrk.errors import ClientError
from mrk.klippy.etx import EtxDecoder
from nurseries.klippy.klippy_connection import UNSENT_LIMIT_BYTES, KlippyConnection
from nurseries.klippy.klippy_request import KlippyRequest


@contextlib.asynccontextmanager
async def connected(
    stream: trio.abc.Stream, batch: SendBatch | None = None
) -> AsyncIterator[KlippyConnection]:
    connection = KlippyConnection(
        stream, lambda _frame: False, lambda _method, _params: None, batch or SendBatch()
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run)
        yield connection
        nursery.cancel_scope.cancel()


def requests_in(data: bytes | bytearray) -> list[dict]:
    return [json.loads(frame) for frame in EtxDecoder(10_000_000).feed(bytes(data))]


def asked(connection: KlippyConnection, method: str) -> tuple[KlippyRequest, list]:
    answers: list = []
    request = KlippyRequest(connection, method, {})
    request.begin()
    request.when_done(answers.append)
    return request, answers


async def test_a_reply_is_told_where_it_is_read() -> None:
    klippy, ours = memory_stream_pair()
    async with connected(ours) as connection:
        found = [asked(connection, method)[1] for method in ("one", "two", "three")]
        await wait_all_tasks_blocked()
        ids = [request["id"] for request in requests_in(await klippy.receive_some())]
        error = {"id": ids[1], "error": {"error": "WebRequestError", "message": "no"}}
        replies = [{"id": ids[0], "result": {"a": 1}}, error, {"id": ids[2], "result": {}}]
        await klippy.send_all(b"".join(json.dumps(reply).encode() + b"\3" for reply in replies))
        await wait_all_tasks_blocked()
        assert found[0] == [msgspec.Raw(b'{"a": 1}')]
        assert [(answer.status, answer.message) for answer in found[1]] == [(400, "no")]
        assert found[2] == ["ok"]


async def test_who_was_abandoned_is_told_nothing_and_a_lost_link_tells_the_others() -> None:
    _klippy, ours = memory_stream_pair()
    async with connected(ours) as connection:
        gone, of_gone = asked(connection, "one")
        _waits, of_waits = asked(connection, "two")
        gone.abandon()
        connection.lose()
        assert of_gone == []
        assert [answer.status for answer in of_waits] == [503]
        with pytest.raises(ClientError):
            asked(connection, "three")


async def test_who_waits_and_is_cancelled_forgets_the_request() -> None:
    klippy, ours = memory_stream_pair()
    async with connected(ours) as connection:
        with trio.move_on_after(0) as scope:
            await connection.request("one")
        assert scope.cancelled_caught
        id_ = requests_in(await klippy.receive_some())[0]["id"]
        await klippy.send_all(json.dumps({"id": id_, "result": {}}).encode() + b"\3")
        await wait_all_tasks_blocked()  # dropped


@pytest.mark.e2e
async def test_what_is_asked_within_a_batch_leaves_in_one_send_at_its_end() -> None:
    klippy, ours = map(trio.SocketStream, trio.socket.socketpair())
    batch = SendBatch()
    async with klippy, ours, connected(ours, batch) as connection:
        with batch:
            for method in ("one", "two"):
                asked(connection, method)
            with pytest.raises(BlockingIOError):
                os.read(klippy.socket.fileno(), 1)
        data = os.read(klippy.socket.fileno(), 65536)
        assert [request["method"] for request in requests_in(data)] == ["one", "two"]


@pytest.mark.e2e
async def test_what_the_kernel_does_not_take_is_sent_later_and_in_order() -> None:
    klippy, ours = map(trio.SocketStream, trio.socket.socketpair())
    async with klippy, ours, connected(ours) as connection:
        names = [f"{number}{'x' * 60_000}" for number in range(30)]
        for name in names:
            asked(connection, name)
        urgent = KlippyRequest(connection, "urgent", {}, urgent=True)
        urgent.begin()
        decoder, found = EtxDecoder(1_000_000), list[bytes]()
        while len(found) < len(names) + 1:
            found += decoder.feed(bytes(await klippy.receive_some(65536)))
        methods = [json.loads(frame)["method"] for frame in found]
        assert [method for method in methods if method != "urgent"] == names
        assert methods.index("urgent") < len(names)  # behind what had begun, before the rest


@pytest.mark.e2e
async def test_what_has_been_sent_does_not_count_against_what_comes_later() -> None:
    klippy, ours = map(trio.SocketStream, trio.socket.socketpair())
    async with klippy, ours, connected(ours) as connection:
        name, decoder = "x" * (UNSENT_LIMIT_BYTES // 8), EtxDecoder(UNSENT_LIMIT_BYTES)
        read = 0
        for asked_count in range(2, 102, 2):  # the kernel takes a part of each pair, some 200 KB
            asked(connection, name)
            asked(connection, "next")
            while read < asked_count:
                read += len(decoder.feed(bytes(await klippy.receive_some(65536))))
        assert read == 100
