"""Who is shut out hears nothing more: neither status nor calls nor events."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.clients.registry import Client
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from tests.fakes.accounts import user
from tests.fakes.house import House as PrinterHouse
from tests.fakes.house import notes, open_house
from tests.fakes.printer_watch import change, subscribe, updates
from tests.fakes.results import settled
from tests.nurseries.extensions.agents import House, heard

ANN = user("ann", Role.OPERATE)


def client_of(house: PrinterHouse, username: str | None = None) -> Client:
    client = house.client()
    if username is not None:
        house.clients.authorize(client, user(username), Reason.TOKEN)
    return client


async def subscribe_over_http(
    house: PrinterHouse, client: Client, username: str | None, address: str | None = None
) -> object:
    caller = Caller(Transport.HTTP, True, client.id, address, username)
    method = house.table.method("printer.objects.subscribe", Transport.HTTP)
    outcome = method.call({"objects": {"extruder": None}}, caller)
    return await settled(outcome)


async def test_nobody_subscribes_for_somebody_else(autojump_clock: MockClock) -> None:
    """Connection ids are small numbers, and a subscription replaces the one before."""
    async with open_house() as house:
        await house.until_ready()
        ann = client_of(house, "ann")
        ann.address = "192.0.2.1"
        await subscribe(house, ann, {"toolhead": None})
        with pytest.raises(ClientError, match="somebody else") as refused:
            await subscribe_over_http(house, ann, "bob")
        assert refused.value.status == 403
        await change(house, {"toolhead": {"homed_axes": "xy"}})
        assert updates(ann) == [{"toolhead": {"homed_axes": "xy"}}]
        await subscribe_over_http(house, ann, "ann")
        await subscribe_over_http(house, ann, "bob", "192.0.2.1")
        # Two that have no name are not one.
        nobody = client_of(house)
        nobody.address = "192.0.2.2"
        with pytest.raises(ClientError, match="somebody else"):
            await subscribe_over_http(house, nobody, None, "192.0.2.3")
        await subscribe_over_http(house, nobody, None, "192.0.2.2")


async def test_a_queued_status_is_not_sent_and_none_follows(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        ann, bob = client_of(house, "ann"), client_of(house, "bob")
        for client in (ann, bob):
            await subscribe(house, client, {"extruder": None})
        await change(house, {"extruder": {"target": 1.0}})  # waits in both outboxes
        house.clients.broadcast("notify_user_logged_out", [{"username": "ann"}])
        house.clients.revoke("ann")
        assert notes(ann) == [("notify_user_logged_out", [{"username": "ann"}])]
        await change(house, {"extruder": {"target": 2.0}})
        house.clients.broadcast("notify_service_state_changed", [{}])
        house.clients.broadcast_klippy_state("notify_klippy_shutdown")
        assert not ann.outbox.has_output
        assert updates(bob) == [{"extruder": {"target": 2.0}}]
        caller = Caller(ann.transport, ann.authorized, ann.id)
        method = house.table.method("printer.objects.subscribe", ann.transport)
        with pytest.raises(ClientError) as refused:
            method.call({}, caller)
        assert refused.value.status == 401


async def test_a_subscription_does_not_come_back_with_the_log_in(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        ann = client_of(house, "ann")
        await subscribe(house, ann, {"extruder": None})
        house.clients.revoke("ann")
        house.clients.authorize(ann, ANN, Reason.LOGIN)
        await change(house, {"extruder": {"target": 1.0}})
        assert updates(ann) == []
        await subscribe(house, ann, {"extruder": None})
        await change(house, {"extruder": {"target": 2.0}})
        assert updates(ann) == [{"extruder": {"target": 2.0}}]


async def test_a_subscription_on_its_way_is_not_answered(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        ann = client_of(house, "ann")
        house.klippy.silent.add("objects/subscribe")
        failures = []

        async def ask() -> None:
            with pytest.raises(ClientError) as refused:
                await subscribe(house, ann, {"extruder": None})
            failures.append(refused.value.status)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            house.clients.revoke("ann")
            await house.klippy.send(house.klippy.reply_to(house.klippy.requests[-1]))
        assert failures == [401]
        await change(house, {"extruder": {"target": 1.0}})
        assert not ann.outbox.has_output


async def test_a_call_that_was_accepted_just_before(autojump_clock: MockClock) -> None:
    """The task of an accepted call begins a turn later; the log-out may come between."""
    async with open_house() as house:
        await house.until_ready()
        ann = client_of(house, "ann")
        caller = Caller(ann.transport, True, ann.id, user="ann")
        method = house.table.method("printer.objects.subscribe", ann.transport)
        accepted = method.call({"objects": {"extruder": None}}, caller)
        house.clients.revoke("ann")
        with pytest.raises(ClientError, match="Unauthorized"):
            await accepted
        house.clients.authorize(ann, ANN, Reason.LOGIN)
        await change(house, {"extruder": {"target": 1.0}})
        assert updates(ann) == []


async def test_what_a_user_subscribed_over_http_ends_with_him(autojump_clock: MockClock) -> None:
    """On somebody else's websocket, which stays as it is."""
    async with open_house() as house:
        await house.until_ready()
        screen = client_of(house)
        await subscribe_over_http(house, screen, "ann")
        await change(house, {"extruder": {"target": 1.0}})
        assert updates(screen) == [{"extruder": {"target": 1.0}}]
        await change(house, {"extruder": {"target": 2.0}})
        house.clients.revoke("ann")
        await change(house, {"extruder": {"target": 3.0}})
        assert updates(screen) == []
        assert screen.authorized


async def test_a_unix_socket_keeps_its_subscription(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        screen = house.client(Transport.UNIX)
        house.clients.authorize(screen, ANN, Reason.LOGIN)
        await subscribe(house, screen, {"extruder": None})
        house.clients.revoke("ann")
        assert (screen.user, screen.authorized, screen.role) == (None, True, Role.ADMIN)
        await change(house, {"extruder": {"target": 1.0}})
        assert updates(screen) == [{"extruder": {"target": 1.0}}]


async def test_an_agent_that_is_shut_out_is_none_any_more() -> None:
    house = House()
    agent, other = house.agent(), house.connect()
    house.clients.authorize(agent, ANN, Reason.TOKEN)
    call = {"jsonrpc": "2.0", "id": 2, "params": {"method_name": "lights"}}
    house.say(agent, {**call, "method": "connection.register_remote_method"})
    heard(agent)
    heard(other)
    answers = []

    async def ask() -> None:
        params = {"agent": "watch", "method": "look"}
        answers.append(await house.ask(other, "server.extensions.request", params))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        heard(agent)
        house.clients.revoke("ann")
    assert "disconnected before it answered" in answers[0]["error"]["message"]
    with pytest.raises(Exception, match="lights"):
        house.macros.call_by_macro("lights")
    assert heard(agent) == []
    (told,) = heard(other)
    assert told["params"][0]["event"] == "disconnected"
    listed = house.say(other, {"jsonrpc": "2.0", "method": "server.extensions.list", "id": 1})
    assert listed["result"] == {"agents": []}


async def test_whoever_comes_back_identifies_anew() -> None:
    house = House()
    agent = house.agent()
    house.clients.authorize(agent, ANN, Reason.TOKEN)
    house.clients.revoke("ann")
    identity = {"client_name": "watch", "version": "1", "type": "agent", "url": "http://x"}
    call = {"jsonrpc": "2.0", "method": "server.connection.identify", "params": identity, "id": 1}
    assert house.say(agent, call)["error"]["message"] == "Unauthorized"
    house.clients.authorize(agent, ANN, Reason.LOGIN)
    assert house.say(agent, call)["result"] == {"connection_id": agent.id}


def test_an_unknown_user_shuts_nobody_out() -> None:
    house = House()
    client = house.connect()
    house.clients.revoke("nobody")
    assert client.authorized
