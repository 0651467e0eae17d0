"""Many subscriptions at once: few requests to Klipper, and everybody gets what is his."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.clients.registry import Client
from mrk.errors import ClientError
from tests.fakes.house import House, notes, open_house
from tests.fakes.klippy import Refused
from tests.fakes.printer_watch import change, subscribe, updates

BEAT_S = 0.25


async def beats(house: House) -> None:
    """Klipper answers subscriptions with its next beat."""
    answered = len(house.klippy.requests)
    while True:
        await trio.sleep(BEAT_S)
        waiting = house.klippy.requests[answered:]
        answered = len(house.klippy.requests)
        for request in waiting:
            if request["method"] == "objects/subscribe":
                await house.klippy.answer(request)


async def subscribe_all(house: House, wanted: list[tuple[Client, Any]]) -> list[Any]:
    found: list[Any] = [None] * len(wanted)

    async def one(number: int) -> None:
        client, objects = wanted[number]
        found[number] = await subscribe(house, client, objects)

    async with trio.open_nursery() as nursery:
        for number in range(len(wanted)):
            nursery.start_soon(one, number)
    return found


def silence(house: House) -> int:
    """Have Klipper answer no subscription by itself; returns how many it was asked for so far."""
    house.klippy.silent.add("objects/subscribe")
    return len(house.klippy.asked("objects/subscribe"))


async def answer_subscription(house: House, number: int) -> Any:
    """Answer that subscription, and return its request."""
    asked = await house.klippy.wait_for("objects/subscribe", number)
    await house.klippy.answer(asked)
    return asked


async def test_a_crowd_with_equal_wishes_is_served_within_two_beats(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.until_ready()
        before = silence(house)
        nursery.start_soon(beats, house)
        clients = [house.client() for _ in range(100)]
        with trio.fail_after(2.1 * BEAT_S):
            wish = {"extruder": None, "toolhead": ["homed_axes"]}
            found = await subscribe_all(house, [(client, wish) for client in clients])
        part = {"extruder": house.klippy.status["extruder"], "toolhead": {"homed_axes": ""}}
        assert found == [part] * 100
        assert len(house.klippy.asked("objects/subscribe")) - before == 1
        nursery.cancel_scope.cancel()


async def test_different_wishes_wait_together_for_one_more_request(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.until_ready()
        before = silence(house)
        nursery.start_soon(beats, house)
        wishes = [{f"object {number}": ["x"]} for number in range(50)]
        clients = [house.client() for _ in wishes]
        subsystem: list[Any] = []

        async def subscribe_subsystem() -> None:
            subsystem.append(await house.link.subscribe({"tmc x": None}))

        nursery.start_soon(subscribe_subsystem)
        with trio.fail_after(3.1 * BEAT_S):
            await subscribe_all(house, list(zip(clients, wishes, strict=True)))
        assert len(house.klippy.asked("objects/subscribe")) - before == 2
        assert subsystem == [{"tmc x": {"temperature": None}}]
        await change(house, {f"object {number}": {"x": number} for number in range(50)})
        assert [updates(client) for client in clients] == [
            [{f"object {number}": {"x": number}}] for number in range(50)
        ]
        nursery.cancel_scope.cancel()


async def test_what_klipper_refuses_for_one_is_not_refused_for_those_beside(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        usual = house.klippy.answers["objects/subscribe"]

        def answer(params: Any) -> Any:
            if "bad" in params["objects"]:
                raise Refused("bad object")
            return usual(params)

        house.klippy.answers["objects/subscribe"] = answer
        refused: list[ClientError] = []

        async def bad() -> None:
            with pytest.raises(ClientError) as caught:
                await subscribe(house, house.client(), {"bad": None})
            refused.append(caught.value)

        good = [house.client() for _ in range(3)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscribe, house, good[0], {"toolhead": None})
            nursery.start_soon(bad)
            for client in good[1:]:
                nursery.start_soon(subscribe, house, client, {"extruder": None})
        assert [(error.status, error.message) for error in refused] == [(400, "bad object")]
        await change(house, {"extruder": {"target": 5.0}})
        assert [updates(client) for client in good] == [[], *[[{"extruder": {"target": 5.0}}]] * 2]


async def test_a_reply_serves_those_who_came_while_it_was_waited_for_once(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        first, second = house.client(), house.client()
        house.klippy.silent.add("objects/subscribe")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscribe, house, first, {"extruder": None})
            await house.settle()
            nursery.start_soon(subscribe, house, second, {"extruder": ["target"]})
            await house.settle()
            await house.klippy.answer(house.klippy.requests[-1])
            await house.klippy.send(house.klippy.change({"extruder": {"target": 9.0}}))
        # The change came behind the reply: in the answer or as one update, not as both.
        assert [len(notes(client)) for client in (first, second)] == [0, 0] or [
            updates(client) for client in (first, second)
        ] == [[{"extruder": {"target": 9.0}}]] * 2
        await change(house, {"extruder": {"target": 10.0}})
        assert [updates(client)[-1] for client in (first, second)] == [
            {"extruder": {"target": 10.0}}
        ] * 2


class Listener:
    """A subsystem's own reader."""

    open = True

    def push_status(self, update: Any) -> None:
        raise AssertionError("nothing has changed")


async def test_a_klipper_that_stands_still_costs_clients_an_error_and_subsystems_time(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.until_ready()
        before = silence(house)
        heard: list[Any] = []

        async def listen() -> None:
            heard.append(await house.link.subscribe_reader(Listener(), {"toolhead": None}))

        nursery.start_soon(listen)
        began = trio.current_time()
        with pytest.raises(ClientError) as refused:
            await subscribe(house, house.client(), {"extruder": None})
        assert (refused.value.status, trio.current_time() - began) == (500, 20.0)
        await trio.sleep(100)
        for number in range(before, len(house.klippy.asked("objects/subscribe"))):
            await answer_subscription(house, number + 1)
        await house.settle()
        assert [answer["status"].keys() for answer in heard] == [{"toolhead"}]


async def test_a_reply_that_another_will_replace_serves_nobody_new(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.until_ready()
        before = silence(house)
        heard: list[Any] = []

        async def hear() -> None:
            heard.append(await house.link.subscribe({"fan": None}))

        async with trio.open_nursery() as leaving:
            leaving.start_soon(subscribe, house, house.client(), {"fan": None})
            await house.settle()
            nursery.start_soon(subscribe, house, house.client(), {"toolhead": None})
            await house.settle()
            leaving.cancel_scope.cancel()
        await house.settle()
        nursery.start_soon(hear)
        await house.settle()
        assert len(house.klippy.asked("objects/subscribe")) == before + 2
        await answer_subscription(house, before + 1)
        await house.settle()
        assert heard == []
        await answer_subscription(house, before + 2)
        third = await answer_subscription(house, before + 3)
        await house.settle()
        assert [answer.keys() for answer in heard] == [{"fan"}]
        # What Klipper reports now.
        assert {"fan", "toolhead"} <= third["params"]["objects"].keys()


async def test_what_a_client_subscribed_to_last_counts(autojump_clock: MockClock) -> None:
    """Though the reply that is awaited would serve it, and not the one before it."""
    async with open_house() as house, trio.open_nursery() as nursery:
        await house.until_ready()
        client, before = house.client(), silence(house)
        for objects in ({"extruder": None}, {"toolhead": None}, {"extruder": ["target"]}):
            nursery.start_soon(subscribe, house, client, objects)
            await house.settle()
        await answer_subscription(house, before + 1)
        await answer_subscription(house, before + 2)
        await house.settle()
        await change(house, {"toolhead": {"homed_axes": "x"}, "extruder": {"target": 7.0}})
        assert updates(client) == [{"extruder": {"target": 7.0}}]
