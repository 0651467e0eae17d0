import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.api.caller import Transport
from mrk.errors import ClientError
from tests.fakes.house import notes, open_house
from tests.fakes.printer_watch import change, refuse, subscribe, updates


async def test_updates_are_cut_to_each_client(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        one, two, nothing = (house.client() for _ in range(3))
        assert await subscribe(house, one, {"extruder": ["target"], "no_such": None}) == {
            "extruder": {"target": 0.0},
            "no_such": {},
        }
        assert await subscribe(
            house, two, {"extruder": None, "toolhead": ["no", "homed_axes"]}
        ) == {
            "extruder": house.klippy.status["extruder"],
            "toolhead": {"no": None, "homed_axes": ""},
        }
        assert house.klippy.subscribed["extruder"] is None
        await change(house, {"extruder": {"temperature": 21.0}})
        await change(house, {"extruder": {"target": 200.0}, "toolhead": {"homed_axes": "x"}})
        assert updates(one) == [{"extruder": {"target": 200.0}}]
        assert updates(two) == [
            {
                "extruder": {"temperature": 21.0, "target": 200.0},
                "toolhead": {"homed_axes": "x"},
            }
        ]
        assert updates(nothing) == []


async def test_a_field_without_a_list_around_it_reaches_klipper_in_one(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        objects = {"extruder": "target", "toolhead": ["homed_axes"]}
        found = await subscribe(house, client, objects)
        assert found == {"extruder": {"target": 0.0}, "toolhead": {"homed_axes": ""}}
        asked = house.klippy.asked("objects/subscribe")[-1]["objects"]
        assert all(fields is None or type(fields) is list for fields in asked.values())
        await change(house, {"extruder": {"target": 200.0, "temperature": 21.0}})
        assert updates(client) == [{"extruder": {"target": 200.0}}]
        for transport in (Transport.HTTP, Transport.UNIX, Transport.MQTT):
            await house.call("printer.objects.query", {"objects": objects}, transport=transport)
            asked = house.klippy.asked("objects/query")[-1]["objects"]
            assert asked == {"extruder": ["target"], "toolhead": ["homed_axes"]}


async def test_a_new_subscription_replaces_and_an_empty_one_cancels(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        await subscribe(house, client, {"extruder": None})
        await subscribe(house, client, {"toolhead": None})
        await change(house, {"extruder": {"target": 1.0}})
        assert updates(client) == []
        assert await house.call("printer.objects.subscribe", {}, client) == {
            "status": {},
            "eventtime": house.klippy.eventtime,
        }
        await change(house, {"toolhead": {"homed_axes": "x"}})
        assert updates(client) == []


async def test_an_update_in_the_chunk_of_the_reply_is_not_lost(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        house.klippy.silent.add("objects/subscribe")
        answers = []

        async def ask() -> None:
            answers.append(await subscribe(house, client, {"extruder": None}))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await house.settle()
            # Copied: the answer holds what was true before the change.
            reply = json.loads(json.dumps(house.klippy.reply_to(house.klippy.requests[-1])))
            await house.klippy.send(reply, house.klippy.change({"extruder": {"target": 205.0}}))
        assert answers[0]["extruder"]["target"] == 205.0
        # The update is in the answer, so it does not come again behind it.
        assert updates(client) == []
        await change(house, {"extruder": {"target": 206.0}})
        assert updates(client) == [{"extruder": {"target": 206.0}}]


async def test_what_a_reply_reveals_goes_to_those_who_were_there_before(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        first, second = house.client(), house.client()
        await subscribe(house, first, {"extruder": ["target"]})
        house.klippy.status["extruder"]["target"] = 60.0  # not reported yet
        await subscribe(house, second, {"extruder": None})
        assert updates(first) == [{"extruder": {"target": 60.0}}]
        assert updates(second) == []


async def test_a_client_that_leaves_during_its_subscription(autojump_clock: MockClock) -> None:
    """Its reply still tells the others what Klipper will not report again."""
    async with open_house() as house:
        await house.until_ready()
        first, second = house.client(), house.client()
        await subscribe(house, first, {"extruder": ["target"]})
        house.klippy.silent.add("objects/subscribe")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscribe, house, second, {"extruder": None})
            await house.settle()
            nursery.cancel_scope.cancel()
        house.clients.remove(second)
        house.klippy.status["extruder"]["target"] = 60.0
        await house.klippy.answer(house.klippy.requests[-1])
        await house.settle()
        assert updates(first) == [{"extruder": {"target": 60.0}}]
        house.klippy.silent.clear()
        await subscribe(house, first, {"toolhead": ["homed_axes"]})
        # Sensors and webhooks are the data store's and the link's own.
        assert house.klippy.subscribed["toolhead"] == ["homed_axes"]


async def test_a_closed_client_is_forgotten_locally(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client, other = house.client(), house.client()
        await subscribe(house, client, {"toolhead": None, "fan": None})
        asked = len(house.klippy.asked("objects/subscribe"))
        house.clients.remove(client)
        await change(house, {"toolhead": {"homed_axes": "x"}})
        assert updates(client) == []
        assert len(house.klippy.asked("objects/subscribe")) == asked
        await subscribe(house, other, {"extruder": None})
        assert "fan" not in house.klippy.subscribed


async def test_subscriptions_end_with_the_connection(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        await subscribe(house, client, {"toolhead": None})
        await house.klippy.close()
        await house.settle()
        await house.until_ready()
        await change(house, {"toolhead": {"homed_axes": "x"}})
        assert notes(client) == [("notify_klippy_disconnected", []), ("notify_klippy_ready", [])]
        assert "toolhead" not in house.klippy.subscribed


async def test_status_keeps_its_place_before_a_state(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        await subscribe(house, client, {"webhooks": ["state"], "toolhead": None})
        await house.klippy.send(
            house.klippy.change({"toolhead": {"homed_axes": "x"}}),
            house.klippy.change({"webhooks": {"state": "shutdown"}}),
        )
        await house.settle()
        assert [method for method, _ in notes(client)] == [
            "notify_status_update",
            "notify_klippy_shutdown",
            "notify_status_update",
        ]


async def test_a_klipper_that_does_not_answer_a_subscription(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        house.klippy.silent.add("objects/subscribe")
        began = trio.current_time()
        with pytest.raises(ClientError) as error:
            await subscribe(house, client, {"toolhead": None})
        assert error.value.status == 500
        assert trio.current_time() - began == pytest.approx(20)


async def test_clients_whose_access_ended_get_no_status(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        await subscribe(house, client, {"toolhead": None})
        client.authorized = False
        await change(house, {"toolhead": {"homed_axes": "x"}})
        assert updates(client) == []


async def test_subscription_over_http_needs_a_websocket(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        socket, unix = house.client(), house.client(Transport.UNIX)
        params = {"objects": {"toolhead": ["homed_axes"]}}
        method = "printer.objects.subscribe"
        answer = await house.call(method, params, socket, Transport.HTTP)
        assert answer["status"] == {"toolhead": {"homed_axes": ""}}
        await change(house, {"toolhead": {"homed_axes": "xy"}})
        assert updates(socket) == [{"toolhead": {"homed_axes": "xy"}}]
        for client in (None, unix):
            with pytest.raises(ClientError) as error:
                await house.call(method, params, client, Transport.HTTP)
            assert error.value.status == 400
        for transport in (Transport.HTTP_RPC, Transport.MQTT):
            with pytest.raises(ClientError) as error:
                await house.call(method, params, socket, transport)
            assert error.value.status == 404


async def test_query_string_of_objects(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        endpoint = house.table.route("GET", "/printer/objects/query").endpoint
        assert endpoint.query is not None
        pairs = [("toolhead", ""), ("extruder", "target,power"), ("_", "1")]
        assert endpoint.query(pairs) == {
            "objects": {"toolhead": None, "extruder": ["target", "power"]}
        }


async def test_emergency_stop_is_urgent(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert house.table.route("POST", "/printer/emergency_stop").endpoint.urgent


async def test_subscriptions_at_once_are_taken_one_after_another(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        clients = [house.client() for _ in range(5)]
        async with trio.open_nursery() as nursery:
            for number, client in enumerate(clients):
                nursery.start_soon(subscribe, house, client, {f"object {number}": ["x"]})
        assert [f"object {number}" in house.klippy.subscribed for number in range(5)] == [True] * 5
        await change(house, {f"object {number}": {"x": number} for number in range(5)})
        assert [updates(client) for client in clients] == [
            [{f"object {number}": {"x": number}}] for number in range(5)
        ]


async def test_a_subscriber_cancelled_while_it_waits_for_another(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        first, second = house.client(), house.client()
        house.klippy.silent.add("objects/subscribe")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscribe, house, first, {"toolhead": None})
            await house.settle()
            with trio.move_on_after(1):
                await subscribe(house, second, {"extruder": None})
            await house.klippy.answer(house.klippy.requests[-1])
        await change(house, {"toolhead": {"homed_axes": "x"}, "extruder": {"target": 1.0}})
        assert updates(first) == [{"toolhead": {"homed_axes": "x"}}]
        assert updates(second) == []


async def test_a_subscription_klipper_refuses(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        house.klippy.answers["objects/subscribe"] = refuse("Invalid argument")
        with pytest.raises(ClientError, match="Invalid argument"):
            await subscribe(house, client, {"toolhead": None})


@pytest.mark.parametrize("result", [None, [], "text", {"status": None}, {"status": {"a": None}}])
async def test_odd_replies_to_a_subscription(result: Any, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        house.klippy.answers["objects/subscribe"] = lambda _params: result
        assert await subscribe(house, client, {"a": None}) == {}
        await change(house, {"a": {"x": 1}})
        assert updates(client) == [{"a": {"x": 1}}]


async def test_a_client_that_leaves_while_its_request_comes_over_http(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        client, other = house.client(), house.client()
        house.klippy.silent.add("objects/subscribe")
        params = {"objects": {"fan": None}}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                house.call, "printer.objects.subscribe", params, client, Transport.HTTP
            )
            await house.settle()
            house.clients.remove(client)
            await house.klippy.answer(house.klippy.requests[-1])
        house.klippy.silent.clear()
        await subscribe(house, other, {"toolhead": None})
        assert "fan" not in house.klippy.subscribed
