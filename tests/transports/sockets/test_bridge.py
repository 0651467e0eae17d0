"""The bridge websocket over memory streams: pass-through, refusals, back-pressure, endings."""

from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import TextMessage

from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.errors import ClientError, Transient
from tests.transports.sockets.conftest import Daemon, connected, head_bytes, upgrade_head
from transports.sockets.bridge import Bridge
from transports.sockets.client_connection import SERVER_RESTART


class Klippy:
    """The far end of the streams that the bridge opens."""

    def __init__(self, pair: Any = memory_stream_pair) -> None:
        self.pair = pair
        self.failure: Exception | None = None
        self.ends: list[Any] = []

    async def open(self) -> Any:
        if self.failure is not None:
            raise self.failure
        ours, theirs = self.pair()
        self.ends.append(theirs)
        return ours

    async def request(self) -> bytes:
        return bytes(await self.ends[-1].receive_some(100_000))


@asynccontextmanager
async def bridged(daemon: Daemon, klippy: Klippy, pair: Any = memory_stream_pair):  # type: ignore[no-untyped-def]
    bridge = Bridge(
        daemon.limits, daemon.admission, daemon.clients, klippy.open, lambda: daemon.ending
    )
    async with connected(bridge.serve_connection, pair) as (peer, over, scope):
        await wait_all_tasks_blocked()
        yield peer, over, scope


async def text(peer: Any) -> str:
    event = await peer.event()
    assert isinstance(event, TextMessage)
    return event.data


async def test_frames_pass_both_ways(daemon: Daemon) -> None:
    klippy = Klippy()
    async with bridged(daemon, klippy) as (peer, _over, _scope):
        await peer.send('{"id":1,"method":"info"}')
        assert await klippy.request() == b'{"id":1,"method":"info"}\x03'
        await peer.send(b'{"id":2,"method":"info"}')
        assert await klippy.request() == b'{"id":2,"method":"info"}\x03'
        await klippy.ends[0].send_all(b'{"id":1,"result":{}}\x03{"id":2,')
        assert await text(peer) == '{"id":1,"result":{}}'
        await klippy.ends[0].send_all(b'"result":{}}\x03')
        assert await text(peer) == '{"id":2,"result":{}}'
        assert len(daemon.clients) == 0
        assert daemon.admission.connections == 1
    assert daemon.admission.connections == 0
    assert daemon.answered == {101: 1}


async def test_two_frames_cannot_be_smuggled_as_one(daemon: Daemon) -> None:
    klippy = Klippy()
    async with bridged(daemon, klippy) as (peer, _over, _scope):
        await peer.send('{"id":1,"method":"info"}\x03{"id":2,"method":"emergency_stop"}')
        assert "0x03" in msgspec.json.decode(await text(peer))["error"]["message"]
        await peer.send('{"id":3,"method":"info"}')
        assert await klippy.request() == b'{"id":3,"method":"info"}\x03'


@pytest.mark.parametrize("failure", [Transient("no socket"), ClientError("not connected", 503)])
async def test_without_klippy_the_handshake_fails(daemon: Daemon, failure: Exception) -> None:
    klippy = Klippy()
    klippy.failure = failure
    assert (await refused(daemon, klippy))["code"] == 503
    assert daemon.admission.connections == 0
    assert daemon.answered == {503: 1}


async def test_strangers_get_401_and_klippy_is_not_bothered(daemon: Daemon) -> None:
    klippy = Klippy()
    daemon.trusted = False
    error = await refused(daemon, klippy)
    assert error["code"] == 401
    assert "10.0.0.2 is not among trusted_clients" in error["message"]
    assert klippy.ends == []


async def test_bridges_count_as_websockets() -> None:
    daemon = Daemon(Limits(websockets=1))
    async with connected(daemon.websocket.serve_connection):
        assert (await refused(daemon, Klippy()))["code"] == 503


async def refused(daemon: Daemon, klippy: Klippy, head: Any = None) -> Any:
    client, server = memory_stream_pair()
    head = head or upgrade_head(target="/klippysocket")
    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, klippy.open)
    async with server:
        await bridge.serve_connection(server, head, head_bytes(head))
    answer = b""
    while chunk := await client.receive_some():
        answer += chunk
    return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])["error"]


async def test_klippy_goes(daemon: Daemon, autojump_clock: object) -> None:
    klippy = Klippy()
    async with bridged(daemon, klippy) as (peer, over, _scope):
        await klippy.ends[0].send_all(b'{"last":1}\x03{"cut')
        await klippy.ends[0].aclose()
        assert await text(peer) == '{"last":1}'
        assert await peer.closed() == (1001, "Klippy Disconnected")
        await over.wait()


async def test_client_goes_and_klippy_is_let_go(daemon: Daemon) -> None:
    klippy = Klippy()
    async with bridged(daemon, klippy) as (peer, over, _scope):
        await peer.stream.aclose()
        await over.wait()
        assert await klippy.request() == b""


async def test_server_stops(daemon: Daemon, autojump_clock: object) -> None:
    klippy = Klippy()
    async with bridged(daemon, klippy) as (peer, _over, scope):
        scope.cancel()
        with trio.CancelScope(shield=True):
            assert await peer.closed() == (1001, "Server Shutdown")
    assert await klippy.request() == b""


async def test_server_restarts(daemon: Daemon, autojump_clock: object) -> None:
    klippy = Klippy()
    async with bridged(daemon, klippy) as (peer, _over, scope):
        daemon.ending = SERVER_RESTART
        scope.cancel()
        with trio.CancelScope(shield=True), pytest.raises(EOFError):
            await peer.event()
    assert await klippy.request() == b""


async def test_a_slow_reader_slows_the_reading_from_klippy(autojump_clock: object) -> None:
    daemon = Daemon(Limits(outbox_bytes=400_000))
    klippy = Klippy(lockstep_stream_pair)
    frame = b'"' + b"d" * 10_000 + b'"'
    sent = 0

    async def dump() -> None:
        nonlocal sent
        for _ in range(200):
            await klippy.ends[0].send_all(frame + b"\x03")
            sent += 1

    async with (
        bridged(daemon, klippy, lockstep_stream_pair) as (peer, _over, _scope),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(dump)
        await wait_all_tasks_blocked()
        assert 5 < sent < 30
        for _ in range(200):
            assert await text(peer) == frame.decode()


async def test_a_slow_klippy_slows_the_reading_from_the_client(daemon: Daemon) -> None:
    klippy = Klippy(lockstep_stream_pair)
    request = '{"method":"gcode/script","params":{"script":"%s"}}' % ("M117 " * 4000)
    sent = 0

    async def flood(peer: Any) -> None:
        nonlocal sent
        for _ in range(30):
            await peer.send(request)
            sent += 1

    async with (
        bridged(daemon, klippy, lockstep_stream_pair) as (peer, _over, _scope),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(flood, peer)
        await wait_all_tasks_blocked()
        assert sent < 6
        received = b""
        while received.count(b"\x03") < 30:
            received += await klippy.request()
        assert received == (request.encode() + b"\x03") * 30


async def test_junk_that_is_not_read_is_not_piled_up(autojump_clock: object) -> None:
    daemon = Daemon(Limits(outbox_bytes=20_000))
    async with bridged(daemon, Klippy(), lockstep_stream_pair) as (peer, over, _scope):
        with trio.move_on_after(5) as scope:
            while True:
                await peer.send("junk" * 100)
        assert scope.cancelled_caught
        await over.wait()
        assert trio.current_time() < 60


async def test_a_frame_of_klippy_past_its_limit(autojump_clock: object) -> None:
    klippy = Klippy()
    daemon = Daemon(Limits(unix_message_bytes=100))
    async with bridged(daemon, klippy) as (peer, _over, _scope):
        await klippy.ends[0].send_all(b'"' + b"x" * 200)
        assert (await peer.closed())[0] == 1009


async def test_a_log_out_ends_the_users_bridges(daemon: Daemon) -> None:
    daemon.accounts.add_user("ann", Role.OPERATE)
    daemon.trusted = False
    klippy = Klippy()
    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, klippy.open)
    head = upgrade_head(target="/klippysocket?access_token=ann-token")
    async with connected(bridge.serve_connection, head=head) as (peer, over, _scope):
        await wait_all_tasks_blocked()
        daemon.clients.revoke("bob")
        await klippy.ends[0].send_all(b'{"id":1,"result":{}}\x03')
        assert await text(peer) == '{"id":1,"result":{}}'
        daemon.clients.revoke("ann")
        assert await peer.closed() == (1008, "Logged out")
        await over.wait()
    assert daemon.admission.connections == 0


async def test_a_lesser_role_ends_the_users_bridges(daemon: Daemon) -> None:
    daemon.accounts.add_user("ann", Role.ADMIN)
    daemon.trusted = False
    klippy = Klippy()
    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, klippy.open)
    head = upgrade_head(target="/klippysocket?access_token=ann-token")
    async with connected(bridge.serve_connection, head=head) as (peer, over, _scope):
        await wait_all_tasks_blocked()
        daemon.clients.change_role("ann", Role.OPERATE)
        await klippy.ends[0].send_all(b'{"id":1,"result":{}}\x03')
        assert await text(peer) == '{"id":1,"result":{}}'
        daemon.clients.change_role("ann", Role.VIEW)
        assert await peer.closed() == (1008, "Logged out")
        await over.wait()


async def test_who_may_only_look_gets_no_bridge(daemon: Daemon) -> None:
    daemon.accounts.add_user("ann", Role.VIEW)
    head = upgrade_head(("authorization", "Bearer ann-token"), target="/klippysocket")
    error = await refused(daemon, Klippy(), head)
    assert error == {"code": 403, "message": "This needs the role operate; yours is view"}


@pytest.mark.parametrize("when", ["while Klipper is reached", "while the answer is not read"])
async def test_a_log_out_while_the_bridge_is_built(daemon: Daemon, when: str) -> None:
    daemon.accounts.add_user("ann", Role.OPERATE)
    daemon.trusted = False
    klippy, reached = Klippy(), trio.Event()

    async def slowly() -> trio.abc.Stream:
        if "Klipper" in when:
            await reached.wait()
        return await klippy.open()

    head = upgrade_head(target="/klippysocket?access_token=ann-token")
    bridge = Bridge(daemon.limits, daemon.admission, daemon.clients, slowly)
    client, server = lockstep_stream_pair()

    async def serve() -> None:
        async with server:
            await bridge.serve_connection(server, head, head_bytes(head))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await wait_all_tasks_blocked()
        daemon.clients.revoke("ann")
        reached.set()
        answer = b""
        while chunk := await client.receive_some():
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 401" if "Klipper" in when else b"HTTP/1.1 101")
    assert (b"Logged out" in answer) is ("Klipper" not in when)
    assert daemon.admission.connections == 0
