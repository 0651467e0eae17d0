"""Clients that are cut off and come back, with real outboxes: exactly once, and in order."""

import random
from dataclasses import dataclass, field

import msgspec
import pytest

from mrk.access.reasons import Reason
from mrk.api.caller import Transport
from mrk.api.notification import notification
from mrk.clients.event_ring import Continuity, EventRing, Position
from mrk.clients.missed_events import MOST_AT_ONCE
from mrk.clients.outbox import OVERTAKEN, Outbox
from mrk.clients.registry import Client, Clients, Identity
from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.klippy.etx import etx_frame
from mrk.status.update import StatusUpdate
from tests.fakes.accounts import user


@dataclass
class Subscriber:
    """What it has heard over all of its connections."""

    clients: Clients
    heard: int | None = None
    events: list[object] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    others: list[object] = field(default_factory=list)

    def connect(self, name: str = "", kind: str = "web") -> Client:
        outbox = Outbox(etx_frame, 4 * 1024 * 1024, lambda: None)
        client = Client(self.clients.next_id(), Transport.WEBSOCKET, outbox, authorized=True)
        self.clients.add(client)
        client.identity = Identity(name, "1", kind, "") if name else None
        ring = self.clients.events
        position = None if self.heard is None else Position(ring.epoch, self.heard)
        self.continuity, seq = ring.after(position)
        if self.continuity.lost or self.heard is None:
            self.heard = seq
        self.clients.replay(client, seq)
        self.client = client
        return client

    def read(self, data: bytes) -> None:
        """Whole frames; one that was cut is lost with its connection."""
        for frame in data.split(b"\x03")[:-1]:
            message = msgspec.json.decode(frame)
            if "seq" in message:
                self.heard = message["seq"]
                self.events.append(message["params"][0])
                self.numbers.append(message["seq"])
            else:
                self.others.append(message)

    def read_all(self) -> None:
        while self.client.outbox.has_output:
            self.read(self.client.outbox.take(65536))


def started(**limits: int) -> Clients:
    return Clients(EventRing("e1", lambda: 0.0, Limits(**limits)))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
def test_cut_at_250_random_points_each_hears_everything_once_and_in_order(seed: int) -> None:
    chance = random.Random(seed)
    clients = started()
    subscriber = Subscriber(clients)
    client = subscriber.connect()
    sent = 0
    for _cut in range(250):
        for _ in range(chance.randrange(20)):
            clients.broadcast("notify_test", [sent])
            sent += 1
            if chance.random() < 0.2:
                client.outbox.status(StatusUpdate({"fan": {"speed": 1}}, 1.0))
            if chance.random() < 0.3:
                subscriber.read(client.outbox.take(chance.choice([1, 200, 1000, None])))
        rest = client.outbox.take(chance.choice([1, 200, 1000]))
        subscriber.read(rest[: chance.randrange(len(rest) + 1)])
        clients.remove(client)
        for _ in range(chance.randrange(5)):
            clients.broadcast("notify_test", [sent])
            sent += 1
        client = subscriber.connect()
        assert subscriber.continuity is Continuity.COMPLETE
    subscriber.read_all()
    assert subscriber.events == list(range(sent))
    assert subscriber.numbers == sorted(set(subscriber.numbers))


def test_others_are_sent_what_they_always_were() -> None:
    clients = started()
    numbered, plain = Subscriber(clients), Subscriber(clients)
    numbered.connect()
    outbox = Outbox(etx_frame, 1000, lambda: None)
    clients.add(Client(clients.next_id(), Transport.UNIX, outbox, authorized=True))
    clients.broadcast("notify_test", [1])
    clients.broadcast_klippy_state("notify_klippy_ready")
    plain.read(outbox.take())
    assert [sorted(one) for one in plain.others] == [  # type: ignore[call-overload]
        ["jsonrpc", "method", "params"],
        ["jsonrpc", "method"],
    ]
    assert b'"notify_klippy_ready","seq":' in numbered.client.outbox.take()


def test_status_is_not_replayed_and_comes_behind_what_is() -> None:
    clients = started()
    subscriber = Subscriber(clients)
    clients.remove(subscriber.connect())
    for number in range(3):
        clients.broadcast("notify_test", [number])
    client = subscriber.connect()
    client.outbox.reply(b'{"id":1}')
    client.outbox.status(StatusUpdate({"fan": {"speed": 1}}, 1.0))
    clients.broadcast("notify_test", [3])
    messages = [msgspec.json.decode(frame) for frame in client.outbox.take().split(b"\x03")[:-1]]
    assert messages[0] == {"id": 1}
    assert [message["params"][0] for message in messages[1:5]] == [0, 1, 2, 3]
    assert messages[5]["method"] == "notify_status_update"
    assert not client.outbox.has_output


def test_klippys_state_does_not_overtake_status_while_catching_up() -> None:
    clients = started()
    subscriber = Subscriber(clients)
    clients.remove(subscriber.connect())
    clients.broadcast("notify_test", [0])
    client = subscriber.connect()
    client.outbox.status(StatusUpdate({"webhooks": {"state": "shutdown"}}, 1.0))
    clients.broadcast_klippy_state("notify_klippy_shutdown")
    status, missed, state = client.outbox.take().split(b"\x03")[:-1]
    assert b"notify_status_update" in status
    assert b"notify_test" in missed
    assert b"notify_klippy_shutdown" in state


def test_much_is_sent_in_portions_and_waits_in_no_outbox() -> None:
    clients = started()
    subscriber = Subscriber(clients)
    clients.remove(subscriber.connect())
    for number in range(5000):
        clients.broadcast("notify_test", [number])
    client = subscriber.connect()
    assert (client.outbox.waiting_bytes, client.outbox.catching_up) == (0, True)
    portions = 0
    while client.outbox.has_output:
        chunk = client.outbox.take(1024 * 1024)
        assert chunk.count(b"\x03") <= MOST_AT_ONCE
        subscriber.read(chunk)
        portions += 1
    assert subscriber.events == list(range(5000))
    assert portions == 10
    small = subscriber.connect()
    assert not small.outbox.has_output


def test_who_is_overtaken_while_catching_up_is_closed_and_then_told() -> None:
    clients = started(replay_events=5)
    subscriber = Subscriber(clients)
    clients.remove(subscriber.connect())
    for number in range(5):
        clients.broadcast("notify_test", [number])
    client = subscriber.connect()
    subscriber.read(client.outbox.take(1))
    for number in range(5, 9):
        clients.broadcast("notify_test", [number])
    assert not client.outbox.full
    clients.broadcast("notify_test", [9])
    clients.broadcast("notify_test", [10])
    assert client.outbox.take() == b""
    assert (client.outbox.full, client.outbox.full_reason) == (True, OVERTAKEN)
    clients.remove(client)
    subscriber.connect()
    assert subscriber.continuity is Continuity.GAP
    clients.broadcast("notify_test", [11])
    subscriber.read_all()
    assert subscriber.events == [0, 11]


def test_an_agents_own_events_are_not_for_it() -> None:
    clients = started()
    agent, other = Subscriber(clients), Subscriber(clients)
    sender = agent.connect("klein", "agent")
    clients.remove(other.connect())
    message = notification("notify_agent_test", ["own"])
    clients.broadcast_from(sender, message)
    clients.broadcast("notify_test", ["all"])
    clients.remove(sender)
    clients.broadcast("notify_test", ["later"])
    again = agent.connect("klein", "agent")
    other.connect()
    other.read_all()
    agent.read_all()
    assert other.events == ["own", "all", "later"]
    assert agent.events == ["all", "later"]
    clients.remove(again)
    agent.heard = 1
    agent.connect("another", "agent")
    agent.read_all()
    assert agent.events[2:] == ["own", "all", "later"]


def test_who_reads_agents_slowly_gets_their_events_later() -> None:
    clients = started()
    agent, slow = Subscriber(clients), Subscriber(clients)
    sender = agent.connect("klein", "agent")
    client = slow.connect()
    plain = Outbox(etx_frame, 1000, lambda: None)
    clients.add(Client(clients.next_id(), Transport.UNIX, plain, authorized=True))
    for text in ("first", "second"):
        for outbox in (client.outbox, plain):
            outbox.reply(b'{"id":1}')
        clients.broadcast_from(sender, notification("notify_agent_test", [text]), 5)
    clients.broadcast("notify_test", ["third"])
    assert client.outbox.catching_up
    slow.read_all()
    assert slow.events == ["first", "second", "third"]
    assert b"notify_agent_test" not in plain.take()


def test_a_log_out_ends_it_and_a_log_in_goes_on_where_it_was() -> None:
    clients = started()
    subscriber = Subscriber(clients)
    client = subscriber.connect()
    clients.authorize(client, user("ann", Role.VIEW), Reason.LOGIN)
    clients.broadcast("notify_test", [0])
    subscriber.read_all()
    clients.remove(client)
    clients.broadcast("notify_test", [1])
    client = subscriber.connect()
    clients.authorize(client, user("ann", Role.VIEW), Reason.LOGIN)
    clients.revoke("ann")
    assert not client.outbox.has_output
    assert not client.replay
    clients.broadcast("notify_test", [2])
    assert not client.outbox.has_output
    assert subscriber.events == [0]


def test_nobody_asked_nothing_kept() -> None:
    clients = started()
    outbox = Outbox(etx_frame, 1000, lambda: None)
    clients.add(Client(clients.next_id(), Transport.UNIX, outbox, authorized=True))
    clients.broadcast("notify_test", [1])
    assert (clients.events.newest, clients.events.held_bytes) == (0, 0)
    assert outbox.take() == notification("notify_test", [1]).payload + b"\x03"
