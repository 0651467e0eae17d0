"""What anybody can send to the page's own server: no request of theirs may fill the log."""

import logging
import re

import pytest
import trio

from tests.e2e.test_hostile_http import served

pytestmark = pytest.mark.e2e

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
HEADS = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a strange host": b"GET / HTTP/1.1\r\nHost: [a/b@\xff\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "a whole address": b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a whole address without path": b"GET http://a?x=%ff HTTP/1.1\r\nHost: a\r\n\r\n",
    "a strange query": b"GET /?%ff%00&&=%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a strange cookie": b"GET / HTTP/1.1\r\nHost: a\r\nCookie: =;;a=\xff\r\n\r\n",
    "strange accepts": b"GET / HTTP/1.1\r\nHost: a\r\nAccept: ;q=x\r\nRange: bytes=-\r\n\r\n",
    "a strange authorization": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\r\n\r\n",
    "a strange length": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "a strange type": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data\r\n"
    b"Content-Length: 2\r\n\r\nxx",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "a whole upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x01",
    "HTTP/2 offered": b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "HEAD": b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS": b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
    "PROPFIND": b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
    "junk behind it": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x00\xff junk\r\n\r\n",
    "another behind it": b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /server/info HTTP/1.1\r\n\r\n",
    "many behind it": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 50,
    "junk behind an end": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\njunk" * 2,
}
BODIES = {
    "no size": b"GET / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"xyz\r\n",
    "a negative size": b"GET / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"-1\r\n\r\n",
    "longer than it said": b"GET / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"1\r\nabc\r\n0\r\n\r\n",
    "a bare LF": b"GET / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"1\na\n0\n\n",
    "bad trailers": b"GET / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"0\r\n: x\r\n\r\n",
    "broken later": b"GET / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"3\r\nabc\r\nq\r\n",
}


def tracebacks(records: list[logging.LogRecord]) -> list[str]:
    return [
        record.getMessage()
        for record in records
        if record.exc_info or record.levelno >= logging.ERROR or "Traceback" in record.getMessage()
    ]


@pytest.mark.parametrize("name", BODIES)
async def test_a_broken_body_is_a_400(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with served() as server:
        for _ in range(20):
            answer = await server.send(BODIES[name])
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert len(re.findall(rb"HTTP/1\.1 ", answer)) == 1
    assert tracebacks(caplog.records) == []


@pytest.mark.parametrize("name", HEADS)
async def test_strange_requests_leave_no_traceback(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as server:
        for end in (True, False) * 3:
            with trio.move_on_after(0.3):
                await server.send(HEADS[name], end)
    assert tracebacks(caplog.records) == []


async def test_a_client_that_leaves_at_any_byte(caplog: pytest.LogCaptureFixture) -> None:
    request = b"POST / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"
    async with served() as server:
        for size in range(0, len(request) + 1):
            async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
                await stream.send_all(request[:size])
    assert tracebacks(caplog.records) == []
