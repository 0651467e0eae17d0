"""Early answers to requests whose body nobody wants: proxies keep their connection if possible."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from mrk.definitions.limits import Limits
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import Client

pytestmark = pytest.mark.e2e

LIMIT_BYTES = 2_000_000
STRANGER = b"X-Forwarded-For: 10.0.0.9\r\n"
NO_FORM = b"POST /server/files/upload HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
EARLY = {
    "401": (b"POST /echo HTTP/1.1\r\nHost: a\r\n" + STRANGER, 401),
    "401 of an upload": (b"POST /server/files/upload HTTP/1.1\r\nHost: a\r\n" + STRANGER, 401),
    "404": (b"POST /nothing HTTP/1.1\r\nHost: a\r\n", 404),
    "405": (b"POST /server/info HTTP/1.1\r\nHost: a\r\n", 405),
    "413": (b"POST /server/jsonrpc HTTP/1.1\r\nHost: a\r\n" + STRANGER, 413),
    "an upload that is no form": (NO_FORM, 400),
    "a download": (b"GET /server/files/gcodes/nothing HTTP/1.1\r\nHost: a\r\n", 404),
}
GET = b"GET /server/info HTTP/1.1\r\nHost: a\r\n\r\n"


@asynccontextmanager
async def client_of(folder: Path, **limits: float) -> AsyncIterator[Client]:
    """A client on a real socket of a door that skips bodies of up to `LIMIT_BYTES`."""
    house = TransferHouse(folder, limits=Limits(unread_body_bytes=LIMIT_BYTES, **limits))  # type: ignore[arg-type]
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(20):
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(house.door.serve, [listener])
            port = listener.socket.getsockname()[1]
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                yield Client(stream)
            nursery.cancel_scope.cancel()


def chunked(size: int) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)


def sized(size: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (size, b"x" * size)


# That a chunked body is too large is seen within it, and its end is not looked for.
FRAMED = [(name, sized) for name in EARLY] + [(name, chunked) for name in EARLY if name != "413"]


@pytest.mark.parametrize(("name", "framed"), FRAMED)
async def test_the_connection_goes_on_up_to_the_limit(tmp_path: Path, name: str, framed) -> None:
    head, status = EARLY[name]
    async with client_of(tmp_path) as client:
        for size in (LIMIT_BYTES // 2, LIMIT_BYTES):
            answer = await client.ask(head + framed(size))
            assert (answer.status, answer.headers.get("connection")) == (status, None)
        assert (await client.ask(GET)).status == 200


@pytest.mark.parametrize("name", EARLY)
async def test_past_the_limit_it_says_that_it_closes(tmp_path: Path, name: str) -> None:
    head, status = EARLY[name]
    async with client_of(tmp_path) as client:
        answer = await client.ask(head + b"Content-Length: %d\r\n\r\n" % (LIMIT_BYTES + 1))
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await client.ended()


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nxx",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nxx",
        b"Transfer-Encoding: chunked\r\n\r\nbroken\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (LIMIT_BYTES * 2) + b"x" * (LIMIT_BYTES + 1),
        b"Content-Length: 5\r\nConnection: close\r\n\r\n",
        b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
)
async def test_a_body_without_an_end_is_answered_all_the_same(tmp_path: Path, body: bytes) -> None:
    async with client_of(tmp_path, unread_body_s=0.2) as client:
        answer = await client.ask(EARLY["404"][0] + body)
        assert (answer.status, answer.headers["connection"]) == (404, "close")
        assert await client.ended()


@pytest.mark.parametrize("framed", [sized, chunked])
async def test_a_page_comes_behind_a_body_that_it_does_not_take(tmp_path: Path, framed) -> None:
    async with client_of(tmp_path) as client:
        answer = await client.ask(b"GET / HTTP/1.1\r\nHost: a\r\n" + framed(LIMIT_BYTES))
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        assert (await client.ask(GET)).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Content-Length: %d\r\n\r\n" % (LIMIT_BYTES + 1), 413),
        (b"Content-Length: 5\r\n\r\nxx", 408),
        (b"Transfer-Encoding: chunked\r\n\r\nbroken\r\n", 400),
    ],
)
async def test_a_page_refuses_other_bodies(tmp_path: Path, body: bytes, status: int) -> None:
    async with client_of(tmp_path, unread_body_s=0.2) as client:
        answer = await client.ask(b"GET / HTTP/1.1\r\nHost: a\r\n" + body)
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await client.ended()
