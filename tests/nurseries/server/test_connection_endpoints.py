import msgspec
import pytest

from mrk.access.accounts import API_KEY_USER
from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.klippy.etx import etx_frame
from nurseries.extensions.agent_registry import AgentRegistry
from nurseries.server.connection_endpoints import IDENTITY_CHARS, Connections
from tests.fakes.accounts import FakeAccounts, user
from tests.fakes.no_klippy import NoKlippy

NAMED = {"client_name": "Mainsail", "version": "2", "type": "Web", "url": "http://x"}


class House:
    def __init__(self) -> None:
        self.clients = Clients()
        accounts = FakeAccounts(tokens={"good": user("ann", Role.VIEW)})
        accounts.add_key("k", Role.OPERATE)
        self.table = Table(Connections(self.clients, accounts).endpoints())

    def connect(self, authorized: bool = True) -> Client:
        outbox = Outbox(etx_frame, 100, lambda: None)
        client = Client(self.clients.next_id(), Transport.WEBSOCKET, outbox, authorized=authorized)
        self.clients.add(client)
        return client

    def call(self, client: Client, name: str = "server.connection.identify", **arguments: object):  # type: ignore[no-untyped-def]
        caller = Caller(client.transport, client.authorized, client.id)
        return self.table.method(name, client.transport).call(arguments, caller)


def test_identify_works_once() -> None:
    house = House()
    client = house.connect()
    assert house.call(client, **NAMED).connection_id == client.id
    assert client.identity is not None
    assert client.identity.type == "web"
    with pytest.raises(ClientError, match="already") as refused:
        house.call(client, **NAMED)
    assert refused.value.status == 400


@pytest.mark.parametrize("missing", NAMED)
def test_every_argument_is_required(missing: str) -> None:
    house = House()
    arguments = {key: value for key, value in NAMED.items() if key != missing}
    with pytest.raises(ClientError, match=missing):
        house.call(house.connect(), **arguments)


def test_unknown_type_changes_nothing() -> None:
    house = House()
    client = house.connect(authorized=False)
    with pytest.raises(ClientError, match="toaster"):
        house.call(client, **{**NAMED, "type": "toaster"}, access_token="good")
    assert not client.authorized
    assert house.call(client, **NAMED, access_token="good")


@pytest.mark.parametrize("field", ["client_name", "version", "url"])
def test_texts_have_a_limit(field: str) -> None:
    house = House()
    client = house.connect()
    with pytest.raises(ClientError, match=field):
        house.call(client, **{**NAMED, field: "x" * (IDENTITY_CHARS + 1)})
    house.call(client, **{**NAMED, field: "x" * IDENTITY_CHARS})


def test_strangers_need_a_token_or_key_and_may_try_again() -> None:
    house = House()
    client = house.connect(authorized=False)
    for bad in ({}, {"api_key": "wrong"}, {"access_token": "wrong"}):
        with pytest.raises(ClientError) as refused:
            house.call(client, **NAMED, **bad)
        assert refused.value.status == 401
    house.call(client, **NAMED, api_key="k")
    assert client.authorized
    assert (client.user, client.role) == (API_KEY_USER, Role.OPERATE)
    assert client.reason is Reason.API_KEY


@pytest.mark.parametrize(
    ("bad", "reason"),
    [({"access_token": "wrong"}, Reason.BAD_TOKEN), ({"api_key": "wrong"}, Reason.WRONG_KEY)],
)
def test_bad_credentials_end_what_an_address_was_trusted_with(
    bad: dict[str, str], reason: Reason
) -> None:
    house = House()
    client, other = house.connect(), house.connect()
    with pytest.raises(ClientError):
        house.call(client, **NAMED, **bad)
    assert (client.authorized, client.role, client.reason) == (False, Role.VIEW, reason)
    assert other.authorized
    house.call(client, **NAMED, access_token="good", api_key="wrong")
    assert (client.user, client.role, client.reason) == ("ann", Role.VIEW, Reason.TOKEN)


@pytest.mark.parametrize(
    ("name", "empty"), [("access_token", ""), ("api_key", ""), ("api_key", "False")]
)
def test_empty_credentials_are_none(name: str, empty: str) -> None:
    house = House()
    client, stranger = house.connect(), house.connect(authorized=False)
    house.call(client, **NAMED, **{name: empty})
    assert client.authorized
    with pytest.raises(ClientError) as refused:
        house.call(stranger, **NAMED, **{name: empty})
    assert (refused.value.status, stranger.authorized) == (401, False)


def test_who_may_only_look_is_no_agent() -> None:
    house = House()
    client = house.connect(authorized=False)
    with pytest.raises(ClientError, match="agent needs the role operate") as refused:
        house.call(client, **{**NAMED, "type": "agent"}, access_token="good")
    assert refused.value.status == 403
    assert client.identity is None


def test_an_agents_name_is_taken_while_it_is_connected() -> None:
    house = House()
    agent = {**NAMED, "type": "agent"}
    first, second = house.connect(), house.connect()
    house.call(first, **agent)
    with pytest.raises(ClientError, match="already connected"):
        house.call(second, **agent)
    house.clients.remove(first)
    house.call(second, **agent)


def test_websocket_id_needs_authorization() -> None:
    house = House()
    client = house.connect()
    assert house.call(client, "server.websocket.id").websocket_id == client.id
    with pytest.raises(ClientError) as refused:
        house.call(house.connect(authorized=False), "server.websocket.id")
    assert refused.value.status == 401


def test_only_sockets_are_offered_these() -> None:
    table = House().table
    for name in ("server.connection.identify", "server.websocket.id"):
        with pytest.raises(ClientError):
            table.method(name, Transport.HTTP_RPC)
    with pytest.raises(ClientError):
        table.route("GET", "/server/websocket/id")


def test_replay_is_asked_for() -> None:
    house = House()
    plain = msgspec.json.decode(msgspec.json.encode(house.call(house.connect(), **NAMED)))
    assert plain == {"connection_id": 1}
    assert not house.clients.events.running
    client = house.connect()
    begun = house.call(client, **NAMED, replay=True)
    assert (begun.epoch, begun.seq, begun.continuity) == ("none", 1, "begun")
    house.clients.broadcast("notify_test", [1])
    assert client.outbox.take().endswith(b'"params":[1],"seq":2}\x03')


def test_what_was_missed_follows_the_answer() -> None:
    house = House()
    first = house.connect()
    begun = house.call(first, **NAMED, replay=True)
    house.clients.remove(first)
    house.clients.broadcast("notify_test", [1])
    again = house.connect()
    position = {"epoch": begun.epoch, "seq": begun.seq}
    resumed = house.call(again, **NAMED, resume=position)
    assert (resumed.continuity, resumed.seq, resumed.newest) == ("complete", 1, 2)
    assert resumed.advice is None
    assert b'"seq":2}' in again.outbox.take()
    lost = house.call(house.connect(), **NAMED, resume={"epoch": "other", "seq": 7})
    assert (lost.continuity, lost.seq) == ("epoch_changed", 2)
    assert "query again" in lost.advice


@pytest.mark.parametrize(
    ("resume", "told"),
    [
        ("e", "object"),
        ({}, "epoch"),
        ({"epoch": "none", "seq": "1"}, "seq"),
        ({"epoch": "none", "seq": 2}, "There is no event 2"),
        ({"epoch": "none", "seq": 1, "more": 1}, "more"),
    ],
)
def test_a_position_that_cannot_be_leaves_the_client_free_to_try_again(
    resume: object, told: str
) -> None:
    house = House()
    client = house.connect()
    house.clients.events.ask()
    with pytest.raises(ClientError, match=told) as refused:
        house.call(client, **NAMED, resume=resume)
    assert refused.value.status == 400
    assert house.call(client, **NAMED, replay=True).connection_id == client.id


async def test_an_agent_with_replay_does_not_hear_of_its_own_coming() -> None:
    house = House()
    AgentRegistry(house.clients, NoKlippy())
    other, agent = house.connect(), house.connect()
    house.call(other, **NAMED, replay=True)
    house.call(agent, **{**NAMED, "type": "agent"}, replay=True)
    assert b"connected" in other.outbox.take()
    assert not agent.outbox.has_output
