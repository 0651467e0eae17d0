"""Outgoing websockets over real sockets: what goes both ways, and why one cannot be had."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_websocket

from mrk.errors import leaves
from mrk.websocket.client_protocols import WebsocketFailed
from nurseries.websocket_client import client
from nurseries.websocket_client.client import SystemWebsockets

pytestmark = pytest.mark.e2e


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """Of a server with a certificate that nobody has signed."""
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*command, "-subj", "/CN=x", *files], check=True, capture_output=True)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    return made


async def echo(request: Any) -> None:
    if request.path == "/closed?x=1":
        await request.reject(403, body=b"no token here")
        return
    socket = await request.accept()
    try:
        while True:
            message = await socket.get_message()
            if message == "bye":
                await socket.aclose(4001, "enough")
            await socket.send_message(message)
    except trio_websocket.ConnectionClosed:
        pass


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        serve = partial(trio_websocket.serve_websocket, echo, "127.0.0.1", 0, context)
        server = await nursery.start(serve)
        yield server.port
        nursery.cancel_scope.cancel()


async def refused(url: str, **options: Any) -> str:
    """Why a websocket cannot be had, or is lost."""
    with trio.fail_after(10), pytest.RaisesGroup(WebsocketFailed) as caught:
        try:
            async with SystemWebsockets().opened(url, most_bytes=1000, **options) as socket:
                await socket.send("bye")
                await socket.receive()
        except WebsocketFailed as exc:  # one that was never open comes alone
            raise ExceptionGroup("", [exc]) from exc
    return str(leaves(caught.value)[0])


@pytest.mark.parametrize(
    ("written", "asked"),
    [("/a?x=%20", "/a?x=%20"), ("/ä b?x=é", "/%C3%A4%20b?x=%C3%A9"), ("", "/")],
)
async def test_addresses_with_what_is_not_ascii(written: str, asked: str) -> None:
    seen = []

    async def remember(request: Any) -> None:
        seen.append(request.path)
        await echo(request)

    async with trio.open_nursery() as nursery:
        serve = partial(trio_websocket.serve_websocket, remember, "127.0.0.1", 0, None)
        server = await nursery.start(serve)
        url = f"ws://127.0.0.1:{server.port}{written}"
        async with SystemWebsockets().opened(url, most_bytes=1000) as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
        nursery.cancel_scope.cancel()
    assert seen == [asked]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_messages_go_both_ways(context, encrypted):
    async with serving(context if encrypted else None) as port:
        url = f"{'wss' if encrypted else 'ws'}://127.0.0.1:{port}/a"
        opened = SystemWebsockets().opened(url, most_bytes=1000, local=True)
        with trio.fail_after(10):
            async with opened as socket:
                await socket.send("ü")
                assert await socket.receive() == "ü"
                await socket.ping()


async def test_a_server_that_refuses_or_closes():
    async with serving() as port:
        said = await refused(f"ws://127.0.0.1:{port}/closed?x=1")
        assert said == "the server answers with HTTP 403"
        said = await refused(f"ws://127.0.0.1:{port}/a")
        assert said == "the server closed it with code 4001: enough"


async def test_a_certificate_that_nobody_signed(context):
    async with serving(context) as port:
        assert "certificate" in await refused(f"wss://127.0.0.1:{port}/secret-token")
        assert "secret-token" not in await refused(f"wss://127.0.0.1:{port}/secret-token")


async def test_nobody_there_and_one_that_hangs(monkeypatch):
    monkeypatch.setattr(client, "CONNECT_S", 0.2)
    assert "no connection to 127.0.0.1" in await refused("ws://127.0.0.1:1/secret-token")
    async with trio.open_nursery() as nursery:

        async def hang(_stream: trio.SocketStream) -> None:
            await trio.sleep_forever()

        listeners = await nursery.start(trio.serve_tcp, hang, 0)
        port = listeners[0].socket.getsockname()[1]
        assert await refused(f"ws://127.0.0.1:{port}/") == "no answer within 0.2 s"
        assert "no connection to" in await refused(f"wss://127.0.0.1:{port}/")
        nursery.cancel_scope.cancel()
