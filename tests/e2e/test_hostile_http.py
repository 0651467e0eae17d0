"""Hostile bytes on real sockets: each gets a clear error or a closed connection, and another
client is answered all the while."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import trio

from mrk.definitions.limits import Limits
from tests.fakes.http_house import House
from tests.process_clock import ProcessClock

pytestmark = pytest.mark.e2e

# A busy machine may take a while for what is whole.
LIMITS = Limits(head_s=10, body_idle_s=10, keep_alive_s=10, send_s=10, body_bytes=200_000)
SHORT = Limits(head_s=0.5, body_idle_s=0.5, send_s=0.5)
GET = b"GET /server/info HTTP/1.1\r\nHost: a\r\n\r\n"
LAST_GET = b"GET /server/info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
JSON_HEAD = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
# Rendered by another process, while the connection stays with the door.
PAGE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def with_body(body: bytes) -> bytes:
    return JSON_HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


@dataclass
class Served:
    port: int
    house: House

    async def send(self, data: bytes, end: bool = True) -> bytes:
        """All that comes back before the server closes."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        answer = b""
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(_send, stream, data, end)
            try:
                while part := await stream.receive_some():
                    answer += part
            except trio.BrokenResourceError:
                pass
            nursery.cancel_scope.cancel()
        return answer


async def _send(stream: trio.SocketStream, data: bytes, end: bool) -> None:
    try:
        await stream.send_all(data)
        if end:
            await stream.send_eof()
    except trio.BrokenResourceError:
        pass


@asynccontextmanager
async def served(limits: Limits = LIMITS) -> AsyncIterator[Served]:
    house = House(limits=limits)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(30):
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(house.door.serve, [listener])
            yield Served(listener.socket.getsockname()[1], house)
            nursery.cancel_scope.cancel()
    assert house.door.connections == 0


async def _ask(port: int, slowest_s: list[float]) -> None:
    clock = ProcessClock(os.getpid())
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        while True:
            began = clock.now()
            await stream.send_all(GET)
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK")
            slowest_s.append(clock.waited_s(began))
            await trio.sleep(0.005)


HOSTILE = {
    "nothing": (b"", None),
    "truncated request line": (b"GET /serv", None),
    "truncated head": (GET[:-2], None),
    "truncated body": (with_body(b'{"text": "a"}')[:-3], None),
    "junk": (bytes(range(256)) * 40, 400),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, 400),
    "a header flood": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000, 431),
    "one long header": (b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000, 431),
    "one long target": (b"GET /" + b"b" * 100_000, 431),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a giant length": (JSON_HEAD + b"Content-Length: 999999999999\r\n\r\n", 413),
    "a length beyond numbers": (JSON_HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
    "a giant body": (with_body(b" " * 1_000_000), 413),
    "a giant chunk": (
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n" + b"x" * 300_000,
        413,
    ),
    "two lengths": (JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}", 400),
    "length and chunks": (
        JSON_HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a bad chunk size": (JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n", 400),
    "an unknown coding": (JSON_HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "a blank in a name": (b"GET /server/info HTTP/1.1\r\nContent-Length : 5\r\n\r\n", 400),
    "a bare CR": (b"GET /server/info HTTP/1.1\r\nA: b\rContent-Length: 5\r\n\r\n", 400),
    "a bare LF": (b"GET /server/info HTTP/1.1\nA: b\n\n", 400),
    "raw UTF-8": ("GET /ä HTTP/1.1\r\n\r\n".encode(), 400),
    "invalid UTF-8 in the path": (b"GET /%ff%fe HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    "climbing out": (b"GET /../../etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
}
BAD_BODIES = {
    "invalid UTF-8": b'{"text": "\xff"}',
    "no JSON": b"{text}",
    "no object": b"[1, 2]",
    "100,000 levels": b"[" * 100_000,
    "100,000 objects deep": b'{"a":' * 39_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_bytes(name: str) -> None:
    data, status = HOSTILE[name]
    slowest_s: list[float] = []
    async with served() as server, trio.open_nursery() as nursery:
        nursery.start_soon(_ask, server.port, slowest_s)
        answer = await server.send(data)
        nursery.cancel_scope.cancel()
    if status is None:
        assert answer == b""
    else:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert json.loads(body)["error"]["code"] == status
    assert max(slowest_s, default=0) < 0.5


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body_leaves_the_connection_usable(name: str) -> None:
    async with served() as server:
        answer = await server.send(with_body(BAD_BODIES[name]) + GET)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"HTTP/1.1 200 OK" in answer


@pytest.mark.parametrize(
    "behind",
    [
        *(with_body(body) for body in BAD_BODIES.values()),
        b"\x00\x01junk\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000,
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        b"GET /server/info HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ],
)
async def test_what_is_behind_a_page_is_another_request(
    behind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as server:
        answers = [await server.send(first + behind) for first in (PAGE, GET)]
    behind_page, behind_call = ([part[:3] for part in a.split(b"HTTP/1.1 ")[1:]] for a in answers)
    assert behind_page == behind_call
    assert behind_page[0] == b"200"
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("data", [GET[:20], with_body(b'{"text": "abc"}')[:-5]])
async def test_slow_requests_time_out(data: bytes) -> None:
    async with served(SHORT) as server:
        assert (await server.send(data, end=False)).startswith(b"HTTP/1.1 408 ")


async def test_a_flood_of_pipelined_requests_starves_nobody() -> None:
    slowest_s: list[float] = []
    async with served() as server, trio.open_nursery() as nursery:
        nursery.start_soon(_ask, server.port, slowest_s)
        answer = await server.send(GET * 5000)
        nursery.cancel_scope.cancel()
    assert answer.count(b"HTTP/1.1 200 OK") == 5000
    assert max(slowest_s) < 0.5


async def test_a_client_that_never_reads_is_closed() -> None:
    async with (
        served(SHORT) as server,
        await trio.open_tcp_stream("127.0.0.1", server.port) as stream,
    ):
        with pytest.raises(trio.BrokenResourceError):
            await _send_for_ever(stream)


async def _send_for_ever(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(GET * 100)


async def test_a_page_leaves_the_connection_to_the_next_request() -> None:
    async with served() as server:
        answer = await server.send(PAGE + GET)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_strangers_by_httpx() -> None:
    async with served() as server:
        base = f"http://127.0.0.1:{server.port}"
        # A proxy on loopback brings a stranger.
        stranger = {"X-Forwarded-For": "127.0.0.1, 10.0.0.9"}
        async with httpx.AsyncClient(base_url=base, headers=stranger) as client:
            assert (await client.get("/server/info")).status_code == 401
            assert (await client.get("/nothing")).status_code == 401
            assert (await client.post("/open", json={})).status_code == 200
            assert (await client.post("/open", content=b"x" * 65_536)).status_code == 200
            assert (await client.post("/open", content=b"x" * 65_537)).status_code == 413
            page = await client.get("/")
            assert page.status_code == 200
            assert "10.0.0.9 passed the request on" in page.text
            assert (await client.get("/server/info")).status_code == 401


async def test_a_friend_by_httpx() -> None:
    async with (
        served() as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
    ):
        assert (await client.get("/echo", params={"number:int": 5})).json() == {
            "result": {"text": "", "number": 5}
        }
        assert (await client.post("/echo", json={"text": "ä"})).json()["result"]["text"] == "ä"
        files: Any = {"text": (None, "in a form"), "file": ("a.txt", b"skipped")}
        assert (await client.post("/echo", files=files)).json()["result"]["text"] == "in a form"
        refused = await client.get("/fail")
        assert (refused.status_code, refused.reason_phrase) == (409, "no such thing: really")
        page = await client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "&lt;b&gt;watch out" in page.text
        # The same connection goes on behind a page.
        assert (await client.get("/server/info")).json() == {"result": {"ok": True}}
        assert (await client.get("/nothing")).json()["error"]["code"] == 404
        assert (await client.get("/bug")).json()["error"]["code"] == 500
        assert (await client.post("/")).status_code == 405
        assert (await client.head("/")).status_code == 200
        server.house.released.set()
        assert (await client.get("/wait")).json() == {"result": "waited"}
