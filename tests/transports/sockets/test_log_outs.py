"""Websockets of people: what bad credentials open, and what a log-out leaves."""

import contextlib
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.status.update import StatusUpdate
from tests.transports.sockets.conftest import Daemon, Peer, connected, head_bytes, upgrade_head
from transports.sockets.served_websocket import UNAUTHORIZED_MESSAGE_BYTES


async def test_a_log_out_is_heard_and_then_nothing(daemon: Daemon) -> None:
    daemon.accounts.add_user("ann")
    daemon.trusted = False
    head = upgrade_head(target="/websocket?access_token=ann-token")
    async with connected(daemon.websocket.serve_connection, head=head) as (peer, _over, _scope):
        await peer.call("test.echo", text="in")
        assert (await peer.message())["result"] == "in"
        (client,) = daemon.clients
        client.outbox.status(StatusUpdate({"extruder": {"target": 1.0}}, 1.0))
        # Before the sender's task has run: the status waits, and so does the notification.
        daemon.clients.broadcast("notify_user_logged_out", [{"username": "ann"}])
        daemon.clients.revoke("ann")
        daemon.clients.broadcast("notify_klippy_ready")
        assert (await peer.message())["method"] == "notify_user_logged_out"
        await peer.call("test.echo", text="out")
        error = (await peer.message())["error"]
        assert (error["code"], error["message"]) == (-32602, "Unauthorized")
        assert error["data"] == "The user was logged out or removed: log in again."
        await peer.call("test.open")
        assert (await peer.message())["result"] == "ok"
        named: dict[str, Any] = {
            "client_name": "x",
            "version": "1",
            "type": "web",
            "url": "http://x",
        }
        await peer.call("server.connection.identify", **named, access_token="ann-token")
        assert (await peer.message())["result"] == {"connection_id": client.id}
        await peer.call("test.echo", text="again")
        assert (await peer.message())["result"] == "again"


@pytest.mark.parametrize("token", ["junk", "ann-old"])
async def test_bad_tokens_open_a_socket_that_may_log_in(daemon: Daemon, token: str) -> None:
    """Also for those whose address is trusted; nobody becomes somebody by an old token."""
    daemon.accounts.add_user("ann")
    head = upgrade_head(target=f"/websocket?access_token={token}")
    async with connected(daemon.websocket.serve_connection, head=head) as (peer, _over, _scope):
        await peer.call("test.echo", text="in")
        assert (await peer.message())["error"]["message"] == "Unauthorized"
        (client,) = daemon.clients
        assert (client.user, client.authorized) == (None, False)


async def test_a_rebound_name_may_log_in_and_no_more(daemon: Daemon) -> None:
    """As a stranger's socket, which opens too; a browser would not show why it did not."""
    daemon.accounts.add_user("ann")
    head = upgrade_head(("host", "evil.example"), without="host")
    async with connected(daemon.websocket.serve_connection, head=head) as (peer, _over, _scope):
        await peer.call("test.echo", text="in")
        error = (await peer.message())["error"]
        assert error["code"] == 403
        assert "allowed_hosts in [authorization], or log in" in error["message"]
        assert "trusted_proxies" in error["message"]
        daemon.clients.broadcast("notify_test")
        named: dict[str, Any] = {
            "client_name": "x",
            "version": "1",
            "type": "web",
            "url": "http://x",
        }
        await peer.call("server.connection.identify", **named, access_token="ann-token")
        assert "connection_id" in (await peer.message())["result"]
        await peer.call("test.echo", text="in")
        assert (await peer.message())["result"] == "in"


@pytest.mark.parametrize("what", ["a log-out", "a lesser role"])
async def test_a_log_out_before_the_handshake_is_read(daemon: Daemon, what: str) -> None:
    """Who does not read the answer stays unknown to the registry, but not to the log-out."""
    daemon.accounts.add_user("ann")
    daemon.trusted = False
    head = upgrade_head(target="/websocket?access_token=ann-token")
    client, server = lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(daemon.websocket.serve_connection, server, head, head_bytes(head))
        await wait_all_tasks_blocked()
        assert len(daemon.clients) == 0
        if what == "a log-out":
            daemon.clients.revoke("ann")
        else:
            daemon.clients.change_role("ann", Role.OPERATE)
        peer = Peer(client)
        assert "101" in await peer.handshake()
        await peer.call("test.echo", text="in")
        assert (await peer.message())["error"]["message"] == "Unauthorized"
        nursery.cancel_scope.cancel()


async def test_strangers_leave_places_to_others() -> None:
    daemon = Daemon(Limits(unauthorized_websockets=2))
    daemon.accounts.add_user("ann")
    daemon.trusted = False
    head = upgrade_head()
    serve = daemon.websocket.serve_connection
    async with connected(serve, head=head), connected(serve, head=head):
        client, server = memory_stream_pair()
        async with server:
            await serve(server, head, head_bytes(head))
        assert bytes(await client.receive_some()).startswith(b"HTTP/1.1 503 ")
        known = upgrade_head(target="/websocket?access_token=ann-token")
        async with connected(serve, head=known) as (peer, _over, _scope):
            await peer.call("test.echo", text="in")
            assert (await peer.message())["result"] == "in"


async def test_unauthorized_websockets_per_address_address_leave_places_to_other_strangers() -> (
    None
):
    daemon = Daemon(Limits(unauthorized_websockets_per_address=2))
    daemon.trusted = False
    serve = daemon.websocket.serve_connection
    head = replace(upgrade_head(), address="2001:db8::1")
    neighbour = replace(head, address="2001:db8::2")  # of the same /64
    async with connected(serve, head=head), connected(serve, head=neighbour):
        client, server = memory_stream_pair()
        async with server:
            await serve(server, head, head_bytes(head))
        refusal = bytes(await client.receive_some())
        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"Your address has 2 websocket connections" in refusal
        other = replace(head, address="2001:db8:0:1::1")
        async with connected(serve, head=other) as (peer, _over, _scope):
            await peer.call("test.open")
            assert (await peer.message())["result"] == "ok"


async def test_one_address_leaves_a_tenth_of_the_places_to_others() -> None:
    """A viewer with a thousand websockets would keep the owner out."""
    daemon = Daemon(Limits(websockets=10))
    serve = daemon.websocket.serve_connection
    head = upgrade_head()
    theirs, others = replace(head, address="192.0.2.1"), replace(head, address="192.0.2.2")
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(9):
            await opened.enter_async_context(connected(serve, head=theirs))
        client, server = memory_stream_pair()
        async with server:
            await serve(server, theirs, head_bytes(theirs))
        refusal = bytes(await client.receive_some())
        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"Your address has 9 websocket connections, the limit" in refusal
        await opened.enter_async_context(connected(serve, head=others))
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(10):  # programs of this host
            await opened.enter_async_context(connected(serve, head=replace(head, address="::1")))
        assert len(daemon.clients) == 10


async def test_a_stranger_sends_small_messages(daemon: Daemon) -> None:
    """A thousand of them could otherwise begin messages of 10 MB each."""
    daemon.accounts.add_user("ann")
    daemon.trusted = False
    text = "x" * UNAUTHORIZED_MESSAGE_BYTES
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        named: dict[str, Any] = {
            "client_name": "x",
            "version": "1",
            "type": "web",
            "url": "http://x",
        }
        await peer.call("server.connection.identify", **named, access_token="ann-token")
        assert "result" in await peer.message()
        await peer.call("test.echo", text=text)
        assert (await peer.message())["result"] == text
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("test.echo", text=text)
        assert (await peer.closed())[0] == 1009
