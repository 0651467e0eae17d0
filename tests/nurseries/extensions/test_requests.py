"""Calls relayed to agents: good ones, and agents that do not behave."""

from typing import Any

import pytest
import trio
import trio.testing

from mrk.api.caller import Transport
from nurseries.extensions.agent import CALL_S, MOST_CALLS, MOST_WAITING_BYTES
from tests.nurseries.extensions.agents import House, heard

LOOK = {"agent": "watch", "method": "look"}


class Asker:
    """One relayed call on its way."""

    def __init__(self, nursery: trio.Nursery, house: House, **params: Any) -> None:
        self.client = house.connect()
        self.reply: Any = None
        nursery.start_soon(self._ask, house, {**LOOK, **params})

    async def _ask(self, house: House, params: dict[str, Any]) -> None:
        self.reply = await house.ask(self.client, "server.extensions.request", params)

    @property
    def code(self) -> int:
        return self.reply["error"]["code"]  # type: ignore[no-any-return]


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


def answer(id_: Any, result: Any = "seen", **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "result": result, **more}


async def test_the_agents_answer_comes_back_in_any_order(nursery) -> None:
    house = House()
    agent = house.agent()
    first = Asker(nursery, house, arguments={"n": 1})
    await settle()
    second = Asker(nursery, house, arguments=[2])
    await settle()
    calls = heard(agent)[-2:]
    assert [(c["method"], c["params"]) for c in calls] == [("look", {"n": 1}), ("look", [2])]
    assert all(type(c["id"]) is int for c in calls)
    for call in reversed(calls):
        assert house.say(agent, answer(call["id"], call["params"])) is None
    await settle()
    assert (first.reply["result"], second.reply["result"]) == ({"n": 1}, [2])


@pytest.mark.parametrize("members", [{}, {"result": None}, {"error": None}])
async def test_an_answer_without_a_result_is_424_at_once(members, nursery) -> None:
    house = House()
    agent = house.agent()
    asker = Asker(nursery, house)
    await settle()
    # JavaScript leaves out a result that is undefined.
    assert house.say(agent, {"jsonrpc": "2.0", "id": heard(agent)[-1]["id"], **members}) is None
    await settle()
    assert asker.code == 424


async def test_an_agents_error_is_424_with_its_own_object(nursery) -> None:
    house = House()
    agent = house.agent()
    asker = Asker(nursery, house)
    await settle()
    error = {"code": -1, "message": "no light", "data": [1]}
    house.say(agent, {"jsonrpc": "2.0", "id": heard(agent)[-1]["id"], "error": error})
    await settle()
    assert asker.reply["error"]["code"] == 424
    assert asker.reply["error"]["data"] == error


@pytest.mark.parametrize(
    "params",
    [{"agent": "nobody", "method": "look"}, {"agent": "watch"}, {**LOOK, "arguments": "text"}],
)
async def test_what_is_refused_at_once(params) -> None:
    house = House()
    agent = house.agent()
    reply = await house.ask(house.connect(), "server.extensions.request", params)
    assert reply["error"]["code"] == 400
    assert heard(agent) == []


async def test_an_agent_that_leaves_ends_its_calls(nursery) -> None:
    house = House()
    agent = house.agent()
    askers = [Asker(nursery, house) for _ in range(3)]
    await settle()
    house.clients.remove(agent)
    await settle()
    assert [asker.code for asker in askers] == [500] * 3


async def test_an_agent_that_never_answers_costs_a_caller_the_deadline(
    nursery, autojump_clock
) -> None:
    house = House()
    agent = house.agent()
    began = trio.current_time()
    late = await house.ask(house.connect(), "server.extensions.request", LOOK)
    assert late["error"]["code"] == 504
    assert trio.current_time() - began == pytest.approx(CALL_S)
    # Its answer after that, or a second one, finds nobody.
    forgotten = heard(agent)[-1]["id"]
    asker = Asker(nursery, house)
    await settle()
    house.say(agent, answer(forgotten, "late"))
    await settle()
    assert asker.reply is None
    house.say(agent, answer(heard(agent)[-1]["id"], "in time"))
    house.say(agent, answer(forgotten + 1, "twice"))
    await settle()
    assert asker.reply is not None
    assert asker.reply["result"] == "in time"


async def test_nobody_answers_for_another(nursery) -> None:
    house = House()
    agent, thief, web = house.agent(), house.agent("thief"), house.connect()
    asker = Asker(nursery, house)
    await settle()
    id_ = heard(agent)[-1]["id"]
    for stranger in (thief, web):
        house.say(stranger, answer(id_, "stolen"))
    # Over HTTP a request may name a connection that is not its own.
    house.say(agent, answer(id_, "stolen"), Transport.HTTP_RPC)
    await settle()
    assert asker.reply is None
    house.say(agent, answer(id_))
    await settle()
    assert asker.reply is not None
    assert asker.reply["result"] == "seen"


@pytest.mark.parametrize("id_", [None, True, "1", 1.0, [1], {"a": 1}, 10**30, -1])
async def test_ids_that_are_none_of_ours(nursery, id_) -> None:
    house = House()
    agent = house.agent()
    asker = Asker(nursery, house)
    await settle()
    assert house.say(agent, answer(id_)) is None
    await settle()
    assert asker.reply is None


async def test_calls_that_one_agent_may_owe(nursery) -> None:
    house = House()
    agent = house.agent()
    askers = [Asker(nursery, house) for _ in range(MOST_CALLS)]
    await settle()
    assert all(asker.reply is None for asker in askers)
    over = await house.ask(house.connect(), "server.extensions.request", LOOK)
    assert over["error"]["code"] == 503
    house.say(agent, answer(heard(agent)[-1]["id"]))
    await settle()
    again = Asker(nursery, house)
    await settle()
    assert again.reply is None


async def test_an_agent_that_does_not_read_is_not_flooded(nursery) -> None:
    house = House()
    agent = house.agent()
    text = "x" * (MOST_WAITING_BYTES // 4)
    askers = [Asker(nursery, house, arguments=[text]) for _ in range(10)]
    await settle()
    assert not agent.outbox.full
    assert sum(asker.reply is not None and asker.code == 503 for asker in askers) == 6
    assert len(heard(agent)) == 4


async def test_a_caller_that_leaves_is_forgotten(nursery) -> None:
    house = House()
    agent = house.agent()
    with trio.CancelScope() as scope:
        nursery.start_soon(_cancel_when_settled, scope)
        await house.ask(house.connect(), "server.extensions.request", LOOK)
    assert scope.cancelled_caught
    assert house.say(agent, answer(heard(agent)[-1]["id"])) is None


async def _cancel_when_settled(scope: trio.CancelScope) -> None:
    await settle()
    scope.cancel()
