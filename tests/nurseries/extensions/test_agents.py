"""What agents send and register, and what is left when they go: nothing."""

import pytest
import trio

from mrk.api.notification import notification
from mrk.definitions.roles import Role
from mrk.klippy.remote_methods import BadRemoteCall
from nurseries.extensions.agent import (
    EVENT_BYTES,
    EVENTS_BURST,
    EVENTS_BYTES_BURST,
    EVENTS_PER_S,
    MOST_METHODS,
    MOST_WAITING_BYTES,
)
from nurseries.extensions.agent_registry import NAME_CHARS
from tests.nurseries.extensions.agents import House, events, heard


def call(method, id_=1, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": id_}


def event(name="seen", **params):
    return call("connection.send_event", event=name, **params)


def register(name):
    return call("connection.register_remote_method", method_name=name)


async def test_agents_are_listed_as_they_identified():
    house = House()
    web, agent = house.connect(), house.agent()
    listed = house.say(web, call("server.extensions.list"))["result"]
    watch = {"name": "watch", "version": "1", "type": "agent", "url": "http://x"}
    assert listed == {"agents": [watch]}
    assert events(web) == [("watch", "connected", watch)]
    assert events(agent) == []
    house.clients.remove(agent)
    assert house.say(web, call("server.extensions.list"))["result"] == {"agents": []}
    assert events(web) == [("watch", "disconnected", None)]


async def test_strangers_hear_nothing_of_agents():
    house = House()
    stranger = house.connect(authorized=False)
    agent = house.agent()
    house.say(agent, event())
    house.clients.remove(agent)
    assert heard(stranger) == []


async def test_events_reach_all_others():
    house = House()
    web, other, agent = house.connect(), house.agent("other"), house.agent()
    for client in (web, other, agent):
        heard(client)
    assert house.say(agent, event(data={"confidence": 0.9}))["result"] == "ok"
    house.say(agent, event("done"))
    house.say(agent, event("zero", data=0))
    wanted = [("watch", "seen", {"confidence": 0.9}), ("watch", "done", None), ("watch", "zero", 0)]
    assert events(web) == wanted
    assert events(other) == wanted
    assert heard(agent) == []
    assert house.say(agent, {**event(), "id": None}) is None


async def test_null_data_is_left_out():
    house = House()
    web, agent = house.connect(), house.agent()
    heard(web)
    house.say(agent, event(data=None))
    assert heard(web)[0]["params"] == [{"agent": "watch", "event": "seen"}]


@pytest.mark.parametrize("name", ["connected", "disconnected", ""])
async def test_reserved_events_are_refused(name):
    house = House()
    web, agent = house.connect(), house.agent()
    heard(web)
    assert house.say(agent, event(name))["error"]["code"] == 400
    assert house.say(agent, {**event(name), "id": None}) is None  # a notification is not answered
    assert heard(web) == []


async def test_others_than_agents_are_refused():
    house = House()
    web = house.connect()
    for message in (event(), register("alert")):
        assert house.say(web, message)["error"]["code"] == 400
    assert list(house.macros.methods) == []


async def test_a_flood_of_events_is_refused_and_passes(autojump_clock):
    house = House()
    web, agent = house.connect(), house.agent()
    heard(web)
    codes = [house.say(agent, event()).get("error", {}).get("code") for _ in range(1000)]
    assert codes == [None] * EVENTS_BURST + [429] * (1000 - EVENTS_BURST)
    assert len(events(web)) == EVENTS_BURST
    await trio.sleep(1)
    codes = [house.say(agent, event()).get("error", {}).get("code") for _ in range(1000)]
    assert codes.count(None) == EVENTS_PER_S


async def test_the_size_of_an_event():
    house = House()
    web, agent = house.connect(), house.agent()
    heard(web)
    frame = notification("notify_agent_event", [{"agent": "watch", "event": "seen", "data": ""}])
    room = EVENT_BYTES - len(frame.payload)
    assert house.say(agent, event(data="x" * room))["result"] == "ok"
    assert house.say(agent, event(data="x" * (room + 1)))["error"]["code"] == 413
    assert len(events(web)) == 1


async def test_the_bytes_of_many_events():
    house = House()
    agent = house.agent()
    codes = [
        house.say(agent, event(data="x" * (EVENT_BYTES - 200))).get("error", {}).get("code")
        for _ in range(10)
    ]
    assert codes == [None] * (EVENTS_BYTES_BURST // EVENT_BYTES) + [429] * 6


async def test_a_slow_client_misses_events_and_stays_connected():
    house = House()
    slow, quick = house.connect(), house.connect()
    for number in range(20):
        agent = house.agent(f"agent {number}")
        for _ in range(4):
            house.say(agent, event(data="x" * (EVENT_BYTES - 300)))
        assert len(events(quick)) == 5
    assert not slow.outbox.full
    assert slow.outbox.waiting_bytes < MOST_WAITING_BYTES + EVENT_BYTES + 20_000


async def test_macros_call_an_agents_method():
    house = House()
    agent = house.agent()
    assert house.say(agent, register("alert"))["result"] == "ok"
    house.macros.call_by_macro("alert", heater="extruder", name=1)
    house.macros.call_by_macro("alert")
    assert heard(agent) == [
        {"jsonrpc": "2.0", "method": "alert", "params": {"heater": "extruder", "name": 1}},
        {"jsonrpc": "2.0", "method": "alert"},
    ]


async def test_a_method_has_one_owner_until_it_leaves():
    house = House()
    agent, other = house.agent(), house.agent("other")
    house.macros.register_remote_method("ours", lambda: None)
    assert house.say(agent, register("alert"))["result"] == "ok"
    for name in ("alert", "ours"):
        assert house.say(other, register(name))["error"]["code"] == 400
    house.clients.remove(other)
    house.macros.call_by_macro("ours")
    house.clients.remove(agent)
    assert list(house.macros.methods) == ["ours"]
    with pytest.raises(BadRemoteCall):
        house.macros.call_by_macro("alert")
    assert house.say(house.agent(), register("alert"))["result"] == "ok"


async def test_names_and_number_of_methods():
    house = House()
    agent = house.agent()
    for wrong in ("", "x" * (NAME_CHARS + 1)):
        assert house.say(agent, register(wrong))["error"]["code"] == 400
    assert house.say(agent, register("x" * NAME_CHARS))["result"] == "ok"
    for number in range(MOST_METHODS - 1):
        assert house.say(agent, register(f"m{number}"))["result"] == "ok"
    assert house.say(agent, register("one more"))["error"]["code"] == 400


async def test_macros_cannot_fill_the_outbox_of_an_agent(caplog):
    house = House()
    agent = house.agent()
    house.say(agent, register("alert"))
    for _ in range(100):
        house.macros.call_by_macro("alert", text="x" * 100_000)
    assert not agent.outbox.full
    assert [r.message for r in caplog.records] == [
        "agent watch does not read: calls of alert are dropped"
    ]
    assert len(heard(agent)) == MOST_WAITING_BYTES // 100_000 + 1


async def test_a_name_is_free_again_when_its_agent_left():
    house = House()
    agent, late = house.agent(), house.connect()
    same = call(
        "server.connection.identify", client_name="watch", version="1", type="agent", url=""
    )
    assert house.say(late, same)["error"]["code"] == 400
    assert len(house.say(late, call("server.extensions.list"))["result"]["agents"]) == 1
    house.clients.remove(agent)
    assert "result" in house.say(late, same)


async def test_an_agents_departure_in_the_middle_of_klippers_call_is_harmless():
    house = House()
    agent = house.agent()
    house.say(agent, register("alert"))
    bound = house.macros.methods.bind("alert", {})
    house.clients.remove(agent)
    bound()


async def test_who_may_only_look_is_no_agent_any_more():
    house = House()
    web, agent = house.connect(), house.agent()
    agent.user = "ann"
    house.say(agent, register("alert"))
    house.clients.change_role("ann", Role.OPERATE)
    heard(web), heard(agent)
    house.clients.change_role("ann", Role.VIEW)
    assert events(web) == [("watch", "disconnected", None)]
    assert house.say(web, call("server.extensions.list"))["result"] == {"agents": []}
    with pytest.raises(BadRemoteCall):
        house.macros.call_by_macro("alert")
    assert heard(agent) == []
    house.agent()  # the name is free
