"""Websockets and unix sockets that are cut at random points: everything once, and in order."""

import contextlib
import random
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import CloseConnection, TextMessage

from mrk.clients.outbox import OVERTAKEN
from mrk.definitions.limits import Limits
from tests.fakes.event_house import EventHouse
from tests.transports.sockets.conftest import Peer, head_bytes, upgrade_head

NAMED: dict[str, Any] = {"client_name": "test", "version": "1", "type": "other", "url": ""}


class UnixPeer:
    """The few calls of `Peer` that are needed here, on a unix socket."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._buffer = b""

    async def handshake(self) -> None:
        pass

    async def call(self, method: str, **params: object) -> None:
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        await self.stream.send_all(msgspec.json.encode(request) + b"\x03")

    async def message(self) -> Any:
        while b"\x03" not in self._buffer:
            data = await self.stream.receive_some(4096)
            if not data:
                raise EOFError
            self._buffer += data
        frame, _, self._buffer = self._buffer.partition(b"\x03")
        return msgspec.json.decode(frame)


class Listening(trio.abc.Listener[trio.abc.Stream]):
    """A listener on memory streams, for `UnixSocket.serve`."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[Any](10)

    async def accept(self) -> Any:
        return await self._receive.receive()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class Follower:
    """One client over many connections; what comes before it has identified has no number."""

    def __init__(self, house: EventHouse, kind: str, nursery: trio.Nursery) -> None:
        self._house = house
        self._nursery = nursery
        self._kind = kind
        self._listener = Listening()
        if kind == "unix":
            nursery.start_soon(house.unix_socket.serve, self._listener)
        self.position: dict[str, object] | None = None
        self.heard: list[object] = []

    async def connect(self) -> Peer | UnixPeer:
        ours, theirs = memory_stream_pair()
        if self._kind == "unix":
            await self._listener.send.send(theirs)
            return UnixPeer(ours)
        head = msgspec.structs.replace(upgrade_head(), peer="127.0.0.1", address="127.0.0.1")

        async def door() -> None:
            await self._house.websocket.serve_connection(theirs, head, head_bytes(head))
            await trio.aclose_forcefully(theirs)

        self._nursery.start_soon(door)
        return Peer(ours)

    async def identify(self, peer: Peer | UnixPeer) -> None:
        await peer.handshake()
        wish: Any = {"replay": True} if self.position is None else {"resume": self.position}
        await peer.call("server.connection.identify", **NAMED, **wish)

    async def hear(self, peer: Peer | UnixPeer) -> None:
        message = await peer.message()
        if "result" in message:
            answer = message["result"]
            assert answer["continuity"] == ("begun" if self.position is None else "complete")
            self.position = {"epoch": answer["epoch"], "seq": answer["seq"]}
        elif "seq" in message:
            assert self.position is not None
            self.heard.append(message["params"][0])
            self.position["seq"] = message["seq"]


@pytest.mark.parametrize("kind", ["websocket", "unix"])
async def test_cut_at_200_random_points(kind: str) -> None:
    chance = random.Random(kind)
    house = EventHouse(Limits(goodbye_s=0.0))
    sent = 0
    async with trio.open_nursery() as nursery:
        follower = Follower(house, kind, nursery)
        for _cut in range(200):
            peer = await follower.connect()
            await follower.identify(peer)
            if follower.position is None:
                await follower.hear(peer)
            for _ in range(chance.randrange(8)):
                house.clients.broadcast("notify_test", [sent])
                sent += 1
                if chance.random() < 0.3:
                    await trio.lowlevel.checkpoint()
            wanted = min(sent, len(follower.heard) + chance.randrange(6))
            while len(follower.heard) < wanted:
                await follower.hear(peer)
            await peer.stream.aclose()
            for _ in range(chance.randrange(3)):
                house.clients.broadcast("notify_test", [sent])
                sent += 1
        peer = await follower.connect()
        await follower.identify(peer)
        while len(follower.heard) < sent:
            await follower.hear(peer)
        # Then it is live.
        house.clients.broadcast("notify_test", [sent])
        await follower.hear(peer)
        assert follower.heard == list(range(sent + 1))
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["websocket", "unix"])
async def test_others_have_their_turn_while_much_is_replayed(kind: str) -> None:
    house = EventHouse()
    async with trio.open_nursery() as nursery:
        follower = Follower(house, kind, nursery)
        house.clients.events.ask()
        for number in range(5000):
            house.clients.broadcast("notify_test", [number])
        follower.position = {"epoch": "e1", "seq": 1}
        peer = await follower.connect()
        await follower.identify(peer)
        await follower.hear(peer)
        await peer.call("server.websocket.id")
        behind = 0
        while True:
            message = await peer.message()
            if "result" in message:
                break
            behind += 1
        # An answer waits for one portion, not for all that is replayed.
        assert behind < 4000
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["websocket", "unix"])
@pytest.mark.parametrize("ticks", range(25))
async def test_cancelled_at_any_moment(kind: str, ticks: int, autojump_clock: object) -> None:
    house = EventHouse()
    house.clients.events.ask()
    for number in range(1200):
        house.clients.broadcast("notify_test", [number])
    async with trio.open_nursery() as clients:
        async with trio.open_nursery() as servers:
            follower = Follower(house, kind, servers)
            follower.position = {"epoch": "e1", "seq": 1}
            peer = await follower.connect()
            clients.start_soon(listen, follower, peer)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            house.clients.broadcast("notify_test", [1200])
            servers.cancel_scope.cancel()
        # What had been sent is read; nothing more comes.
        await trio.sleep(1)
        await peer.stream.aclose()
    assert follower.heard == list(range(len(follower.heard)))
    assert len(house.clients) == 0
    await trio.sleep(901)
    house.clients.broadcast("notify_test")
    assert not house.clients.events.running


async def listen(follower: Follower, peer: Peer | UnixPeer) -> None:
    """Until the server has gone."""
    gone = (EOFError, trio.BrokenResourceError, trio.ClosedResourceError, AssertionError)
    with contextlib.suppress(*gone):
        await follower.identify(peer)
        while True:
            await follower.hear(peer)


async def test_who_reads_slower_than_events_are_forgotten_is_closed_and_told_why() -> None:
    """It holds nothing while it waits: the outbox stays empty."""
    house = EventHouse(Limits(replay_events=20))
    house.clients.events.ask()
    for _ in range(20):
        house.clients.broadcast("notify_test", ["x" * 100_000])
    ours, theirs = lockstep_stream_pair()
    head = msgspec.structs.replace(upgrade_head(), peer="127.0.0.1", address="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.websocket.serve_connection, theirs, head, head_bytes(head))
        peer = Peer(ours)
        await peer.handshake()
        position = {"epoch": "e1", "seq": 1}
        await peer.call("server.connection.identify", **NAMED, resume=position)
        assert (await peer.message())["result"]["continuity"] == "complete"
        assert (await peer.message())["seq"] == 2
        await wait_all_tasks_blocked()
        for number in range(20):
            house.clients.broadcast("notify_test", [number])
        (client,) = house.clients
        assert client.outbox.waiting_bytes == 0
        heard = []
        while isinstance(event := await peer.event(), TextMessage):
            heard.append(msgspec.json.decode(event.data)["seq"])
        assert heard == list(range(3, 3 + len(heard)))
        assert isinstance(event, CloseConnection)
        assert (event.code, event.reason) == (1008, OVERTAKEN)
        await ours.aclose()
