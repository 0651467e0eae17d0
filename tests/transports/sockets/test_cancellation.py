"""A connection cancelled at any moment of its life leaves nothing behind."""

import contextlib
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import memory_stream_pair
from wsproto.events import CloseConnection

from tests.transports.sockets.conftest import Daemon, Peer, connected, head_bytes, upgrade_head
from transports.sockets.bridge import Bridge
from transports.sockets.unix_socket import UnixSocket


async def talk(peer: Peer) -> None:
    """A client that does a bit of everything, until the server is gone."""
    try:
        if "101" not in await peer.handshake():
            return
        await peer.call("test.wait", 1)
        await peer.call("test.echo", 2)
        await peer.send('{"jsonrpc":', finished=False)
        while not isinstance(await peer.event(), CloseConnection):
            pass
        await peer.stream.aclose()
    except (EOFError, trio.BrokenResourceError, trio.ClosedResourceError):
        pass


@pytest.mark.parametrize("ticks", range(30))
@pytest.mark.parametrize("kind", ["websocket", "bridge"])
async def test_websockets(daemon: Daemon, kind: str, ticks: int, autojump_clock: object) -> None:
    klippy_ends: list[Any] = []

    async def open_klippy() -> Any:
        await trio.lowlevel.checkpoint()
        ours, theirs = memory_stream_pair()
        klippy_ends.append(theirs)
        return ours

    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, open_klippy)
    serve = (daemon.websocket if kind == "websocket" else bridge).serve_connection
    client, server = memory_stream_pair()
    head = upgrade_head()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk, Peer(client))
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as inner:
                inner.start_soon(serve, server, head, head_bytes(head))
                for _ in range(ticks):
                    await trio.lowlevel.checkpoint()
                daemon.clients.broadcast("notify_test")
                scope.cancel()
        await trio.aclose_forcefully(server)
    assert (len(daemon.clients), daemon.admission.connections, daemon.waiting) == (0, 0, 0)
    for end in klippy_ends:
        while await end.receive_some(1000):
            pass


@pytest.mark.parametrize("ticks", range(20))
async def test_unix_socket(daemon: Daemon, ticks: int, autojump_clock: object) -> None:
    client, server = memory_stream_pair()
    send, receive = trio.open_memory_channel[Any](1)
    send.send_nowait(server)

    class Listener(trio.abc.Listener[Any]):
        async def accept(self) -> Any:
            return await receive.receive()

        async def aclose(self) -> None:
            raise AssertionError("the listener belongs to somebody else")

    for id_, method in enumerate(("test.wait", "test.echo")):
        call = {"jsonrpc": "2.0", "method": method, "id": id_}
        await client.send_all(msgspec.json.encode(call) + b"\x03")
    async with trio.open_nursery() as nursery:
        await nursery.start(UnixSocket(daemon.hub).serve, Listener())
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert (len(daemon.clients), daemon.waiting) == (0, 0)
    with contextlib.suppress(trio.WouldBlock):
        await receive.receive_nowait().aclose()  # it was cancelled before it accepted
    while await client.receive_some(1000):
        pass


async def test_a_bug_in_one_connection_stays_there(
    daemon: Daemon, autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_id: int) -> None:
        raise RuntimeError("a bug in somebody who was told")

    daemon.clients.on_departure(broken)
    async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
        await peer.stream.send_eof()
        event = await peer.event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1011
        await over.wait()
    assert (len(daemon.clients), daemon.admission.connections) == (0, 0)
    assert "because of a bug" in caplog.text
