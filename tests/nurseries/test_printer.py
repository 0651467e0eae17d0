import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.api.caller import Transport
from mrk.clients import Client
from mrk.errors import ClientError
from tests.fakes.house import House, notes, open_house
from tests.fakes.klippy import FakeKlippy, Refused

Status = dict[str, dict[str, Any]]


async def subscribe(house: House, client: Client, objects: Any) -> Any:
    answer = await house.call("printer.objects.subscribe", {"objects": objects}, client)
    return answer["status"]


def updates(client: Client) -> list[Status]:
    return [params[0] for method, params in notes(client) if method == "notify_status_update"]


async def change(house: House, status: Status) -> None:
    await house.klippy.send(house.klippy.change(status))
    await house.settle()


def refuse(text: str) -> Any:
    def handler(_params: Any) -> Any:
        raise Refused(text)

    return handler


# Endpoints


async def test_routes_appear_when_klipper_is_first_seen(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.up = False
    async with open_house(klippy) as house:
        with pytest.raises(ClientError) as unknown:
            await house.call("printer.info")
        assert unknown.value.status == 404
        klippy.up = True
        await house.until_ready()
        assert (await house.call("printer.info"))["state"] == "ready"
        assert house.table.verbs("/printer/info") == ["GET", "POST"]
        assert house.table.verbs("/printer/restart") == ["POST"]
        assert house.table.verbs("/printer/bed_mesh/dump_mesh") == ["GET", "POST"]


@pytest.mark.parametrize(
    "name", ["list_endpoints", "gcode/subscribe_output", "register_remote_method"]
)
async def test_what_is_never_offered(name: str, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert house.table.verbs(f"/printer/{name}") == []


async def test_endpoints_of_a_fork(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.endpoints += ["danger/list", "print/start", "restart", "bad name", "../x", "", None]
    klippy.answers["danger/list"] = lambda params: {"got": params}
    async with open_house(klippy) as house:
        await house.until_ready()
        got = await house.call(
            "printer.danger.list", {"a": {"b": [1, None]}, "response_template": 1}
        )
        assert got == {"got": {"a": {"b": [1, None]}}}
        assert house.table.verbs("/printer/print/start") == ["POST"]
        await house.call("printer.restart")
        assert klippy.asked("gcode/script") == [{"script": "RESTART"}]
        assert klippy.asked("restart") == []


async def test_empty_results_are_ok_and_errors_keep_klippers_text(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert await house.call("printer.query_endstops.status") == "ok"
        assert await house.call("printer.print.pause") == "ok"
        house.klippy.answers["gcode/script"] = refuse("Must home axis first")
        with pytest.raises(ClientError, match="Must home axis first") as error:
            await house.call("printer.gcode.script", {"script": "G1 X5"})
        assert error.value.status == 400


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("printer.gcode.script", {}),
        ("printer.gcode.script", {"script": 5}),
        ("printer.gcode.script", {"script": None}),
        ("printer.objects.query", {}),
        ("printer.objects.query", {"objects": 5}),
        ("printer.objects.query", {"objects": {"a": "x"}}),
        ("printer.objects.subscribe", {"objects": {"a": [None]}}),
        ("printer.objects.subscribe", {"objects": [1]}),
        ("printer.print.start", {}),
        ("printer.print.start", {"filename": ""}),
        ("printer.print.start", {"filename": "a\nM112"}),
        ("printer.bed_mesh.dump_mesh", {"mesh_args": {5: 5}}),
        ("printer.bed_mesh.dump_mesh", {"mesh_args": 10**30}),
        ("printer.gcode.script", {"script": "\ud800"}),
    ],
)
async def test_bad_requests_never_reach_klipper(
    method: str, params: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        before = len(house.klippy.requests)
        with pytest.raises(ClientError) as error:
            await house.call(method, params, client)
        assert error.value.status == 400
        await house.settle()
        assert len(house.klippy.requests) == before


async def test_results_are_passed_on_as_they_came(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.answers["objects/query"] = lambda _params: {
            "status": {"a": {"x": float("nan"), "y": None, "z": 1.50}},
            "eventtime": 5.0,
        }
        answer = await house.call("printer.objects.query", {"objects": {"a": None}})
        assert answer == {"status": {"a": {"x": None, "y": None, "z": 1.5}}, "eventtime": 5.0}


@pytest.mark.parametrize("command", ["restart", "firmware_restart"])
async def test_restart_is_ok_when_the_link_drops(command: str, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        async with trio.open_nursery() as nursery:

            async def restart() -> None:
                assert await house.call(f"printer.{command}") == "ok"

            nursery.start_soon(restart)
            await house.klippy.wait_for("gcode/script")
            await house.klippy.close()
        with pytest.raises(ClientError, match="not connected"):
            await house.call(f"printer.{command}")
        store = await house.call("server.gcode_store")
        assert [entry["message"] for entry in store["gcode_store"]] == [command.upper()]


async def test_print_start_sends_the_name_quoted(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert await house.call("printer.print.start", {"filename": '/a "b".gcode'}) == "ok"
        script = 'SDCARD_PRINT_FILE FILENAME="a \\"b\\".gcode"'
        assert house.klippy.asked("gcode/script") == [{"script": script}]


async def test_starting_the_same_file_again_within_seconds_is_no_error(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        start = {"filename": "a.gcode"}
        await house.call("printer.print.start", start)
        house.klippy.status["print_stats"] = {"state": "printing", "filename": "a.gcode"}
        house.klippy.answers["gcode/script"] = refuse("SD busy")
        assert await house.call("printer.print.start", start) == "ok"
        with pytest.raises(ClientError, match="SD busy"):
            await house.call("printer.print.start", {"filename": "b.gcode"})
        await trio.sleep(10)
        with pytest.raises(ClientError, match="SD busy"):
            await house.call("printer.print.start", start)


async def test_a_failed_start_stays_failed(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.answers["gcode/script"] = refuse("Unable to open file")
        for _ in range(2):
            with pytest.raises(ClientError, match="Unable to open file"):
                await house.call("printer.print.start", {"filename": "a.gcode"})


async def test_commands_are_recorded_before_klipper_answers(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.call, "printer.gcode.script", {"script": "G28\nM84"})
            await house.klippy.wait_for("gcode/script")
            await house.klippy.say("ok")
            await house.settle()
            store = await house.call("server.gcode_store")
            nursery.cancel_scope.cancel()
        assert [(e["type"], e["message"]) for e in store["gcode_store"]] == [
            ("command", "G28\nM84"),
            ("response", "ok"),
        ]


async def test_pause_resume_and_cancel_use_their_endpoints(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        for action in ("pause", "resume", "cancel"):
            assert await house.call(f"printer.print.{action}") == "ok"
            assert len(house.klippy.asked(f"pause_resume/{action}")) == 1
        assert await house.call("server.gcode_store") == {"gcode_store": []}


# Subscriptions


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
