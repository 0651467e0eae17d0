"""The primary websocket over memory streams: calls, limits, closing, back-pressure."""

import msgspec
import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from mrk.api.outcome import MOST_HELD_S
from mrk.definitions.limits import Limits
from mrk.status.update import StatusUpdate
from tests.transports.sockets.conftest import Daemon, Peer, connected, head_bytes, upgrade_head
from transports.sockets.client_connection import SERVER_RESTART
from transports.sockets.outbox_sender import UNAUTHORIZED_BYTES


async def test_calls_in_text_and_binary(daemon: Daemon) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("test.echo", text="é")
        assert await peer.message() == {"jsonrpc": "2.0", "result": "é", "id": 1}
        await peer.send(b'{"jsonrpc":"2.0","method":"test.echo","id":2}')
        assert (await peer.message())["id"] == 2


async def test_fragments_are_joined(daemon: Daemon) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.send('{"jsonrpc":"2.0","meth', finished=False)
        await peer.send('od":"test.echo","id":3}')
        assert (await peer.message())["id"] == 3


async def test_calls_begin_in_the_order_in_which_they_came(daemon: Daemon) -> None:
    """What comes together, too: it is g-code, or settings, of which the last one holds."""
    async with connected(daemon.websocket.serve_connection) as (peer, *_):
        # Trio turns the order of new tasks round half of the time.
        for _ in range(10):
            daemon.begun.clear()
            frames = b""
            for number in range(4):
                call = {"jsonrpc": "2.0", "method": "test.wait", "id": number}
                text = msgspec.json.encode({**call, "params": {"size": number}}).decode()
                frames += peer.wire.send(TextMessage(data=text))
            await peer.stream.send_all(frames)
            await wait_all_tasks_blocked()
            assert daemon.begun == [0, 1, 2, 3]


async def test_replies_may_overtake_each_other(daemon: Daemon) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("test.wait", 1)
        await peer.call("test.echo", 2)
        assert (await peer.message())["id"] == 2
        daemon.release.set()
        assert (await peer.message())["id"] == 1


async def test_what_follows_the_handshake_at_once_is_answered(daemon: Daemon) -> None:
    client, server = memory_stream_pair()
    head = upgrade_head()
    peer = Peer(client)
    early = peer.wire.send(CloseConnection(code=1000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            daemon.websocket.serve_connection, server, head, head_bytes(head) + early
        )
        await peer.handshake()
        assert (await peer.event()).code == 1000  # type: ignore[attr-defined]


async def test_strangers_may_identify_only(daemon: Daemon) -> None:
    daemon.trusted = False
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("test.echo", 1)
        error = (await peer.message())["error"]
        assert (error["code"], error["message"]) == (-32602, "Unauthorized")
        assert "trusted_clients" in error["data"]
        await peer.call("test.open", 2)
        assert (await peer.message())["result"] == "ok"
        daemon.clients.broadcast("notify_test")
        await peer.call("test.open", 3)
        assert (await peer.message())["id"] == 3


@pytest.mark.parametrize("trusted", [True, False])
async def test_nothing_comes_before_a_token_is_known(daemon: Daemon, trusted: bool) -> None:
    """What reads tokens may still be on a slow disk."""
    daemon.trusted = trusted
    daemon.accounts.add_user("ann")
    daemon.accounts.tokens_loaded = False
    named = {"client_name": "a", "version": "1", "type": "web", "url": "x"}
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        calls = [
            ("server.connection.identify", {**named, "access_token": "ann-token"}),
            ("test.echo", {"text": "first"}),
            ("test.stop", {}),
            ("test.echo", {"text": "x" * 30_000}),
        ]
        sent = b""
        for id_, (method, params) in enumerate(calls):
            call = {"jsonrpc": "2.0", "method": method, "params": params, "id": id_}
            sent += peer.wire.send(TextMessage(data=msgspec.json.encode(call).decode()))
        await peer.stream.send_all(sent)
        await wait_all_tasks_blocked()
        assert daemon.stops == trusted  # who is let in anyway stops at once
        await peer.call("test.echo", 4, text="in a chunk of its own")
        await wait_all_tasks_blocked()
        daemon.accounts.loading.set()
        answers = [await peer.message() for _ in range(5)]
        assert [answer["id"] for answer in answers if answer["id"] != 2] == [0, 1, 3, 4]
        assert all("result" in answer for answer in answers)
        assert daemon.stops == 1
        (client,) = daemon.clients
        assert client.user == "ann"
        await peer.call("test.echo", 5, text="on")
        assert (await peer.message())["result"] == "on"


async def test_a_wrong_token_holds_back_no_longer_than_it_is_looked_at(daemon: Daemon) -> None:
    daemon.trusted = False
    daemon.accounts.add_user("ann")
    daemon.accounts.tokens_loaded = False
    named = {"client_name": "a", "version": "1", "type": "web", "url": "x"}
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("server.connection.identify", 1, **named, access_token="wrong")
        await peer.call("test.open", 2)
        daemon.accounts.loading.set()
        refused, opened = await peer.message(), await peer.message()
        assert (refused["id"], refused["error"]["message"]) == (1, "Unauthorized")
        assert (opened["id"], opened["result"]) == (2, "ok")


async def test_a_call_may_hold_back_others_until_it_has_begun(daemon: Daemon) -> None:
    """Such as a start of a print that looks at the last one first: then a script behind it."""
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for id_, method in enumerate(("test.held", "test.wait", "test.stop", "test.echo")):
            await peer.call(method, id_)
        await wait_all_tasks_blocked()
        assert (daemon.waiting, daemon.stops) == (0, 1)  # an emergency stop waits for nothing
        daemon.looked.set()
        await wait_all_tasks_blocked()
        assert daemon.waiting == 1
        assert [(await peer.message())["id"] for _ in range(2)] == [2, 3]
        daemon.release.set()
        assert sorted([(await peer.message())["id"] for _ in range(2)]) == [0, 1]


async def test_nothing_is_held_back_for_long(daemon: Daemon, autojump_clock: object) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for id_, method in enumerate(("test.held", "test.held", "test.echo")):
            await peer.call(method, id_)
        began = trio.current_time()
        assert (await peer.message())["id"] == 2
        assert trio.current_time() - began == pytest.approx(2 * MOST_HELD_S)
        # What is released late releases nothing that others hold.
        daemon.looked.set()
        daemon.release.set()
        assert sorted([(await peer.message())["id"] for _ in range(2)]) == [0, 1]
        await peer.call("test.echo", 3)
        assert (await peer.message())["id"] == 3


async def test_notifications_and_merged_status(daemon: Daemon) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await wait_all_tasks_blocked()
        (client,) = daemon.clients
        client.outbox.status(StatusUpdate({"fan": {"speed": 0.1}}, 1.0))
        client.outbox.status(StatusUpdate({"fan": {"rpm": 9}}, 2.0))
        daemon.clients.broadcast("notify_test", [1])
        assert (await peer.message())["method"] == "notify_test"
        assert (await peer.message())["params"] == [{"fan": {"speed": 0.1, "rpm": 9}}, 2.0]


async def test_client_is_forgotten_when_it_goes(daemon: Daemon) -> None:
    gone: list[int] = []
    daemon.clients.on_departure(gone.append)
    async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
        await peer.call("test.wait")
        await wait_all_tasks_blocked()
        assert (len(daemon.clients), daemon.waiting, daemon.admission.connections) == (1, 1, 1)
        await peer.stream.aclose()
        await over.wait()
    assert (len(daemon.clients), daemon.waiting, daemon.cancelled) == (0, 0, 1)
    assert gone == [1]
    assert daemon.admission.connections == 0


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (upgrade_head(without="host"), 400),
        (upgrade_head(without="sec-websocket-key"), 400),
        (upgrade_head(("sec-websocket-key", "other")), 400),
        (upgrade_head(("sec-websocket-key", "c2hvcnQ="), without="sec-websocket-key"), 400),
        (upgrade_head(("upgrade", "h2c")), 400),
        (upgrade_head(without="connection"), 400),
        (upgrade_head(("sec-websocket-version", "8"), without="sec-websocket-version"), 426),
        (upgrade_head(("content-length", "5")), 400),
        (upgrade_head(("transfer-encoding", "chunked")), 400),
        (upgrade_head(("origin", "http://evil.example")), 403),
        (upgrade_head(("origin", "null")), 403),
    ],
)
async def test_refused_handshakes(daemon: Daemon, head, status) -> None:  # type: ignore[no-untyped-def]
    client, server = memory_stream_pair()
    async with server:
        await daemon.websocket.serve_connection(server, head, head_bytes(head))
    answer = b""
    while chunk := await client.receive_some():
        answer += chunk
    top, _, body = answer.partition(b"\r\n\r\n")
    assert top.startswith(f"HTTP/1.1 {status} ".encode())
    assert msgspec.json.decode(body)["error"]["code"] == status


@pytest.mark.parametrize(
    "origin", ["http://printer.local", "https://printer.local:443", "http://ok.example"]
)
async def test_origins_that_pass(daemon: Daemon, origin: str) -> None:
    head = upgrade_head(("origin", origin))
    async with connected(daemon.websocket.serve_connection, head=head) as (peer, _over, _scope):
        assert "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in peer.head  # RFC 6455, section 1.3


async def test_the_last_seat_and_one_more() -> None:
    daemon = Daemon(Limits(websockets=1))
    async with connected(daemon.websocket.serve_connection):
        client, server = memory_stream_pair()
        head = upgrade_head()
        await daemon.websocket.serve_connection(server, head, head_bytes(head))
        assert bytes(await client.receive_some()).startswith(b"HTTP/1.1 503 ")
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("test.echo")
        await peer.message()


def frame(first: int, payload: bytes, mask: bool = True, size: bytes | None = None) -> bytes:
    """A client's frame with a mask of zeros."""
    length = bytes([len(payload)]) if size is None else size
    if mask:
        return bytes([first, length[0] | 0x80]) + length[1:] + b"\0\0\0\0" + payload
    return bytes([first]) + length + payload


HOSTILE = {
    "unmasked": (frame(0x81, b"{}", mask=False), 1002),
    "reserved opcode": (frame(0x83, b""), 1002),
    "reserved control opcode": (frame(0x8B, b""), 1002),
    "reserved bit": (frame(0xC1, b"{}"), 1002),
    "continuation of nothing": (frame(0x80, b"{}"), 1002),
    "text inside a fragmented text": (frame(0x01, b"{") + frame(0x81, b"}"), 1002),
    "fragmented ping": (frame(0x09, b""), 1002),
    "long ping": (frame(0x89, b"x" * 126, size=b"\x7e\x00\x7e"), 1002),
    "length with its top bit set": (frame(0x81, b"", size=b"\x7f\xff" + b"\xff" * 7), 1002),
    "length longer than it need be": (frame(0x81, b"{}", size=b"\x7e\x00\x02"), 1002),
    "close with one byte": (frame(0x88, b"\x03"), 1002),
    "close with a reserved code": (frame(0x88, (1005).to_bytes(2)), 1002),
    "invalid UTF-8": (frame(0x81, b"\xff"), 1007),
    "UTF-8 cut at the end": (frame(0x81, "é".encode()[:1]), 1007),
    "http again": (b"GET / HTTP/1.1\r\n\r\n", 1002),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_frames(daemon: Daemon, name: str, autojump_clock: object) -> None:
    junk, code = HOSTILE[name]
    async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
        await peer.call("test.echo")
        await peer.stream.send_all(junk)
        assert (await peer.message())["id"] == 1
        assert (await peer.closed())[0] == code
        await over.wait()
    assert len(daemon.clients) == 0


@pytest.mark.parametrize("cut", [1, 3, 7])
async def test_vanishing_in_mid_frame(daemon: Daemon, cut: int, autojump_clock: object) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
        await peer.stream.send_all(frame(0x81, b"{" * 20)[:cut])
        await peer.stream.send_eof()
        await over.wait()


@pytest.mark.parametrize("fragmented", [False, True])
async def test_message_limit_at_its_edge(fragmented: bool, autojump_clock: object) -> None:
    daemon = Daemon(Limits(message_bytes=200))
    body = b'{"jsonrpc":"2.0","method":"test.echo","id":1,"params":{"text":"%s"}}'
    fits = body % (b"y" * (200 - len(body) + 2))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for message, accepted in ((fits, True), (fits + b" ", False)):
            if fragmented:
                await peer.send(message[:150], finished=False)
                await peer.send(message[150:])
            else:
                await peer.send(message.decode())
            if accepted:
                assert (await peer.message())["id"] == 1
        assert await peer.closed() == (1009, "a message passed 200 bytes")


async def test_characters_of_several_bytes_count_as_such(autojump_clock: object) -> None:
    daemon = Daemon(Limits(message_bytes=200))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.send("é" * 101)
        assert (await peer.closed())[0] == 1009


async def test_clients_ping_is_answered(daemon: Daemon) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.stream.send_all(peer.wire.send(Ping(payload=b"hi")))
        assert await peer.event() == Pong(payload=b"hi")


async def test_silence_after_a_ping_closes(daemon: Daemon, autojump_clock: object) -> None:
    """Without a close frame: to a phone that was asleep it would say that it need not come back."""
    async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
        peer.pongs = False
        began = trio.current_time()
        assert await peer.event() == Ping(payload=b"")
        assert trio.current_time() - began == pytest.approx(10)
        with pytest.raises(EOFError):
            await peer.event()
        assert trio.current_time() - began == pytest.approx(20)
        await peer.stream.aclose()
        await over.wait()


async def test_pong_or_any_data_is_life(daemon: Daemon, autojump_clock: object) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for _ in range(5):
            assert isinstance(await peer.event(), Ping)
        peer.pongs = False
        for index in range(5):
            await trio.sleep(9)
            await peer.call("test.echo", index)
            assert (await peer.message())["id"] == index


async def test_client_closes(daemon: Daemon, autojump_clock: object) -> None:
    for code in (1000, 1001, 3000):
        async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
            began = trio.current_time()
            await peer.stream.send_all(peer.wire.send(CloseConnection(code=code)))
            event = await peer.event()
            assert isinstance(event, CloseConnection)
            assert event.code == code
            await over.wait()
            assert trio.current_time() == began


async def test_shutdown_says_goodbye_behind_the_last_answers(
    daemon: Daemon, autojump_clock: object
) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, _over, scope):
        await peer.call("test.wait")
        await peer.call("test.echo", 2)
        await wait_all_tasks_blocked()
        daemon.clients.broadcast("notify_last")
        scope.cancel()
        with trio.CancelScope(shield=True):
            assert (await peer.message())["id"] == 2
            assert (await peer.message())["method"] == "notify_last"
            assert await peer.closed() == (1001, "Server Shutdown")
    assert daemon.cancelled == 1
    assert daemon.admission.connections == 0


async def test_a_restart_ends_without_a_close_frame_behind_the_last_answers(
    daemon: Daemon, autojump_clock: object
) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, over, scope):
        await peer.call("test.echo", 2)
        await wait_all_tasks_blocked()
        daemon.ending = SERVER_RESTART
        began = trio.current_time()
        scope.cancel()
        with trio.CancelScope(shield=True):
            assert (await peer.message())["id"] == 2
            with pytest.raises(EOFError):
                await peer.event()
            # As a browser does; the daemon waits for it, so that nothing unread resets the rest.
            await peer.stream.aclose()
            await over.wait()
        assert trio.current_time() == began


@pytest.mark.parametrize("clog", [False, True])
async def test_goodbye_is_bounded_with_a_stalled_client(clog: bool, autojump_clock: object) -> None:
    daemon = Daemon(Limits(goodbye_s=0.3))
    pair = lockstep_stream_pair
    async with connected(daemon.websocket.serve_connection, pair) as (peer, over, scope):
        if clog:
            await peer.call("test.big", size=300_000)
        await wait_all_tasks_blocked()
        began = trio.current_time()
        scope.cancel()
        with trio.CancelScope(shield=True):
            await over.wait()
    assert trio.current_time() - began == pytest.approx(0.3)
    assert len(daemon.clients) == 0


async def test_who_reads_nothing_for_long_is_closed(daemon: Daemon, autojump_clock: object) -> None:
    pair = lockstep_stream_pair
    async with connected(daemon.websocket.serve_connection, pair) as (peer, over, _scope):
        began = trio.current_time()
        await peer.call("test.big", size=300_000)
        await over.wait()
        assert trio.current_time() - began == pytest.approx(30)


async def test_flood_of_notifications_closes_the_slow_only(autojump_clock: object) -> None:
    daemon = Daemon(Limits(outbox_bytes=100_000))
    serve = daemon.websocket.serve_connection
    async with (
        connected(serve, lockstep_stream_pair) as (_slow, over, _scope1),
        connected(serve) as (quick, _over, _scope2),
    ):
        await wait_all_tasks_blocked()
        for _ in range(50):
            daemon.clients.broadcast("notify_test", ["z" * 10_000])
            await wait_all_tasks_blocked()
        await over.wait()
        assert len(daemon.clients) == 1
        for _ in range(50):
            assert (await quick.message())["method"] == "notify_test"


async def test_emergency_stop_overtakes_a_backlog(autojump_clock: object) -> None:
    """A client that floods and does not read is not worked for, but its stop is."""
    daemon = Daemon(Limits(outbox_bytes=40_000))
    pair = lockstep_stream_pair
    async with connected(daemon.websocket.serve_connection, pair) as (peer, _over, _scope):
        for index in range(100):
            await peer.call("test.big", index, size=5_000)
        await wait_all_tasks_blocked()
        assert next(iter(daemon.clients)).outbox.waiting_bytes < 20_000
        await peer.call("test.stop", 1000)
        await wait_all_tasks_blocked()
        assert daemon.stops == 1
        seen = [(await peer.message())["id"] for _ in range(101)]
        assert sorted(seen) == [*range(100), 1000]
        assert [id for id in seen if id < 1000] == list(range(100))
        assert seen.index(1000) < 20


async def test_a_backlog_past_its_bound_is_not_read(autojump_clock: object) -> None:
    daemon = Daemon(Limits(outbox_bytes=40_000))
    pair = lockstep_stream_pair
    async with connected(daemon.websocket.serve_connection, pair) as (peer, _over, _scope):
        await peer.call("test.big", 0, size=300_000)
        sent = 0

        async def flood() -> None:
            nonlocal sent
            for index in range(1, 40):
                await peer.call("test.echo", index, text="f" * 100_000)
                sent += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            await wait_all_tasks_blocked()
            assert 5 < sent < 20
            assert [(await peer.message())["id"] for _ in range(40)] == list(range(40))


async def test_calls_past_the_limit_wait_for_answers_of_others() -> None:
    """A front end deletes hundreds of files with as many calls."""
    daemon = Daemon(Limits(requests_in_flight=3))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for index in range(10):
            await peer.call("test.wait", index)
        # What is answered at once, and what is urgent, does not wait with them.
        for id_, method in ((20, "test.echo"), (21, "test.stop"), (22, "test.nothing")):
            await peer.call(method, id_)
            assert (await peer.message())["id"] == id_
        await wait_all_tasks_blocked()
        assert daemon.waiting == 3
        daemon.release.set()
        assert sorted([(await peer.message())["id"] for _ in range(10)]) == [*range(10)]
        await peer.call("test.wait", 11)
        assert (await peer.message())["result"] == "waited"


async def test_deferred_calls_begin_in_order() -> None:
    daemon = Daemon(Limits(requests_in_flight=1))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for index in range(20):
            filler = "x" * (20_000 if index % 5 == 3 else 0)
            await peer.call("test.wait", index, filler=filler)
        daemon.release.set()
        assert [(await peer.message())["id"] for _ in range(20)] == [*range(20)]


async def test_no_call_overtakes_a_large_one_that_was_deferred() -> None:
    """Somebody else's large message is being read just when the turn of ours has come."""
    daemon = Daemon(Limits(requests_in_flight=1))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        await peer.call("test.wait", 0)
        await peer.call("test.wait", 1, size=1, filler="x" * 20_000)
        await wait_all_tasks_blocked()
        async with daemon.hub.turn:
            daemon.release.set()
            assert (await peer.message())["id"] == 0
            daemon.release = trio.Event()
            for index in (2, 3):
                await peer.call("test.wait", index, size=index)
            await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        assert daemon.begun == [0, 1]
        daemon.release.set()
        assert [(await peer.message())["id"] for _ in range(3)] == [1, 2, 3]
        assert daemon.begun == [0, 1, 2, 3]


async def test_more_than_a_backlog_of_calls_is_refused() -> None:
    daemon = Daemon(Limits(requests_in_flight=3))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, _scope):
        for index in range(20):
            await peer.call("test.wait", index, filler="x" * 100_000)
        refused = [await peer.message() for _ in range(20 - 3 - 10)]
        assert [(one["id"], one["error"]["code"]) for one in refused] == [
            (index, 429) for index in range(13, 20)
        ]
        await peer.call("test.stop", 30)
        assert (await peer.message())["id"] == 30
        daemon.release.set()
        assert sorted([(await peer.message())["id"] for _ in range(13)]) == [*range(13)]
        assert next(iter(daemon.clients)).outbox.waiting_bytes == 0


async def test_deferred_calls_end_with_their_client() -> None:
    daemon = Daemon(Limits(requests_in_flight=1))
    async with connected(daemon.websocket.serve_connection) as (peer, _over, scope):
        for index in range(3):
            await peer.call("test.wait", index)
        await wait_all_tasks_blocked()
        scope.cancel()
    assert (daemon.waiting, daemon.cancelled) == (0, 1)


async def test_many_large_answers_at_once_are_no_reason_to_close(autojump_clock: object) -> None:
    daemon = Daemon(Limits(outbox_bytes=50_000))
    pair = lockstep_stream_pair
    async with connected(daemon.websocket.serve_connection, pair) as (peer, _over, _scope):
        for index in range(50):
            await peer.call("test.wait", index, size=20_000)
        await wait_all_tasks_blocked()
        daemon.release.set()
        await wait_all_tasks_blocked()
        assert next(iter(daemon.clients)).outbox.waiting_bytes < 50_000
        seen = {(await peer.message())["id"] for _ in range(50)}
        assert seen == set(range(50))


async def test_others_are_served_while_one_floods(daemon: Daemon) -> None:
    serve = daemon.websocket.serve_connection
    async with (
        connected(serve) as (flooder, _over1, _scope1),
        connected(serve) as (other, _over2, _scope2),
    ):
        await flooder.stream.send_all(frame(0x89, b"") * 200_000)
        await other.call("test.echo", 5)
        with trio.fail_after(1):
            assert (await other.message())["id"] == 5


async def test_when_too_much_waits_for_all_the_largest_gives_way(daemon: Daemon) -> None:
    daemon.clients.waiting.limit_bytes = 300_000
    serve, pair = daemon.websocket.serve_connection, lockstep_stream_pair
    async with connected(serve, pair) as (large, gone, _), connected(serve, pair) as (small, _, _):
        await wait_all_tasks_blocked()
        for client, size in zip(daemon.clients, (200_000, 90_000), strict=True):
            client.outbox.reply(b'"%s"' % (b"x" * size))
            await wait_all_tasks_blocked()  # nobody reads: it is counted
        assert 290_000 < daemon.clients.waiting.held_bytes < 300_000
        daemon.clients.broadcast("notify_test", ["y" * 10_000])
        with trio.fail_after(5):
            await gone.wait()
        assert len(daemon.clients) == 1
        assert daemon.clients.waiting.held_bytes < 110_000
        assert len(await small.message()) == 90_000
        assert (await small.message())["method"] == "notify_test"
        await wait_all_tasks_blocked()
        assert daemon.clients.waiting.held_bytes == 0
        await large.stream.aclose()


async def test_work_waits_sooner_for_who_may_do_nothing(daemon: Daemon) -> None:
    daemon.accounts.add_user("ann")
    daemon.trusted = False
    for head, most in (
        (upgrade_head(), UNAUTHORIZED_BYTES),
        (upgrade_head(target="/websocket?access_token=ann-token"), 1024 * 1024),
    ):
        serve = daemon.websocket.serve_connection
        async with connected(serve, lockstep_stream_pair, head) as (peer, _over, scope):
            await wait_all_tasks_blocked()
            (client,) = daemon.clients
            client.outbox.reply(bytes(64 * 1024))  # on its way, and not read
            await wait_all_tasks_blocked()
            client.outbox.reply(bytes(most - 10))
            before = client.outbox.waiting_bytes
            await peer.call("test.open")
            await wait_all_tasks_blocked()
            answered = client.outbox.waiting_bytes
            assert answered > before
            await peer.call("test.open")
            await wait_all_tasks_blocked()
            assert client.outbox.waiting_bytes == answered
            scope.cancel()


async def test_subscriptions_and_unfinished_messages_count(daemon: Daemon) -> None:
    async with connected(daemon.websocket.serve_connection) as (peer, over, _scope):
        await peer.send("x" * 1000, finished=False)
        await wait_all_tasks_blocked()
        assert daemon.clients.waiting.held_bytes >= 1000
        (client,) = daemon.clients
        client.outbox.keep_subscription(5000)
        assert daemon.clients.waiting.held_bytes >= 6000
        await peer.send("x")
        await wait_all_tasks_blocked()
        assert daemon.clients.waiting.held_bytes == 5000
        await peer.stream.aclose()
        await over.wait()
        assert daemon.clients.waiting.held_bytes == 0
