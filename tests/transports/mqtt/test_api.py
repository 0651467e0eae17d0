"""JSON-RPC over MQTT on a real broker: answers, roles, time stamps, bursts, junk."""

import json

import pytest
import trio

from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.definitions.roles import Role
from tests.polling import until
from tests.transports.mqtt.house import PATIENCE_S, open_mqtt, open_stranger
from transports.mqtt.api import IN_FLIGHT, REQUEST_BYTES

REQUEST, RESPONSE = "shop/moonraker/api/request", "shop/moonraker/api/response"
BURST = 1000


def rpc(method, id=1, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": id}


async def ask(stranger, request, **options):
    """Send one message and return the next answer."""
    payload = request if isinstance(request, str | bytes) else json.dumps(request)
    await stranger.publish(REQUEST, payload, **options)
    return (await stranger.until(RESPONSE)).json


@pytest.mark.parametrize("protocol", ["v3.1", "v3.1.1", "v5"])
async def test_requests_are_answered_in_every_protocol(broker, protocol):
    async with (
        open_mqtt(broker.port, enable_moonraker_api=True, mqtt_protocol=protocol),
        open_stranger(broker, RESPONSE) as stranger,
    ):
        answer = await ask(stranger, rpc("server.temperature_store", 17))
        assert answer["id"] == 17
        assert "result" in answer
        batch = await ask(stranger, [rpc("printer.info", 1), rpc("no.such", 2)])
        assert [one["id"] for one in batch] == [1, 2]
        assert batch[1]["error"]["code"] == -32601


async def test_answers_are_not_retained_and_have_the_qos_of_the_api(broker):
    options = {"enable_moonraker_api": True, "api_qos": 2}
    async with open_mqtt(broker.port, **options), open_stranger(broker, RESPONSE) as stranger:
        await stranger.publish(REQUEST, json.dumps(rpc("printer.info")), 2)
        heard = await stranger.until(RESPONSE)
        assert heard.qos == 2
        async with open_stranger(broker, RESPONSE) as late:
            await ask(stranger, rpc("printer.info", 2))
            assert (await late.next()).json["id"] == 2


async def test_nothing_is_answered_until_it_is_asked_for(broker):
    async with open_mqtt(broker.port) as shop, open_stranger(broker, RESPONSE) as stranger:
        seen = trio.Event()
        shop.mqtt.listen("after", lambda _payload: seen.set())
        await stranger.publish(REQUEST, json.dumps(rpc("printer.info")), 1)
        with trio.fail_after(PATIENCE_S):
            while not seen.is_set():  # until the broker has taken the subscription
                await stranger.publish("after", b"x", 1)
        assert stranger.silent()


async def test_the_role_bounds_what_requests_may_do(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "view"}
    async with open_mqtt(broker.port, **options) as shop, open_stranger(broker, "#") as stranger:
        callers = []
        for access in (Access.VIEW, Access.OPERATE, Access.ADMIN):
            path = f"/test/{access.word}"
            handler = lambda _params, caller: callers.append(caller) or "done"  # noqa: E731
            shop.house.table.extend(
                [Endpoint(path, ("POST",), NoParams, handler, "Test.", access=access)]
            )
        assert (await ask(stranger, rpc("test.view")))["result"] == "done"
        assert (await ask(stranger, rpc("test.operate")))["error"]["code"] == 403
        assert (await ask(stranger, rpc("test.admin")))["error"]["code"] == 403
        (caller,) = callers
        assert (caller.transport, caller.role, caller.user) == ("mqtt", Role.VIEW, None)


async def test_mqtt_is_not_published_or_subscribed_to_over_mqtt(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "admin"}
    async with open_mqtt(broker.port, **options), open_stranger(broker, RESPONSE) as stranger:
        for method in ("server.mqtt.publish", "server.mqtt.subscribe"):
            assert (await ask(stranger, rpc(method, topic="x")))["error"]["code"] == -32601


async def test_a_second_delivery_is_not_run_even_after_a_reconnect(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "admin"}
    async with open_mqtt(broker.port, **options) as shop:
        await shop.house.until_ready()
        request = rpc("printer.gcode.script", 5, script="G28", mqtt_timestamp=12.5)
        async with open_stranger(broker, RESPONSE) as stranger:
            assert (await ask(stranger, request))["result"] == "ok"
            assert (await ask(stranger, request))["error"]["code"] == -10000
        await trio.to_thread.run_sync(broker.kill)
        await until(lambda: not shop.mqtt.mqtt_connected)
        await trio.to_thread.run_sync(broker.start)
        await shop.up()
        async with open_stranger(broker, RESPONSE) as stranger:
            await until(lambda: shop.mqtt.mqtt_connected)
            assert (await ask(stranger, request))["error"]["code"] == -10000
        assert [asked["script"] for asked in shop.house.klippy.asked("gcode/script")] == ["G28"]


async def test_a_subscription_answers_and_leaves_status_objects_alone(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "admin"}
    options["status_objects"] = {"extruder": ("target",)}
    async with open_mqtt(broker.port, **options) as shop:
        await shop.house.until_ready()
        async with open_stranger(broker, "shop/#") as stranger:
            request = rpc("printer.objects.subscribe", objects={"toolhead": ["homed_axes"]})
            answer = await ask(stranger, request)
            assert answer["result"]["status"] == {"toolhead": {"homed_axes": ""}}
            assert "toolhead" not in shop.house.klippy.subscribed
            changes = {"extruder": {"target": 9.0}, "toolhead": {"homed_axes": "x"}}
            await shop.house.klippy.send(shop.house.klippy.change(changes))
            heard = await stranger.until("shop/klipper/status")
            assert heard.json["status"] == {"extruder": {"target": 9.0}}


async def test_a_burst_is_answered_whole(broker):
    async with (
        open_mqtt(broker.port, enable_moonraker_api=True, api_qos=1),
        open_stranger(broker, RESPONSE) as stranger,
    ):
        for number in range(BURST):
            stranger.stranger._client.publish(
                REQUEST, json.dumps(rpc("server.temperature_store", number)), 1
            )
        answered = {(await stranger.until(RESPONSE)).json["id"] for _ in range(BURST)}
        assert answered == set(range(BURST))


async def test_requests_that_come_together_begin_in_their_order(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "admin", "api_qos": 1}
    async with open_mqtt(broker.port, **options) as shop:
        await shop.house.until_ready()
        klippy = shop.house.klippy
        klippy.silent.add("gcode/script")
        async with open_stranger(broker, RESPONSE) as stranger:
            scripts = [f"G4 P{number}" for number in range(IN_FLIGHT)]
            for number, script in enumerate(scripts):
                request = rpc("printer.gcode.script", number, script=script)
                stranger.stranger._client.publish(REQUEST, json.dumps(request), 1)
            await until(lambda: len(klippy.asked("gcode/script")) == IN_FLIGHT)
        assert [one["script"] for one in klippy.asked("gcode/script")] == scripts


async def test_a_retained_request_is_not_run_again_and_again(broker, caplog):
    async with open_stranger(broker) as stranger:
        request = json.dumps(rpc("printer.emergency_stop"))
        await stranger.publish(REQUEST, request, 1, retain=True)
    options = {"enable_moonraker_api": True, "mqtt_role": "admin"}
    async with open_mqtt(broker.port, **options) as shop:
        await shop.house.until_ready()
        async with open_stranger(broker, RESPONSE) as stranger:
            await until(lambda: "retained request" in caplog.text)
            assert (await ask(stranger, rpc("printer.info", 2)))["id"] == 2
        assert not shop.house.klippy.asked("emergency_stop")


async def test_calls_in_flight_are_bounded_and_an_emergency_stop_passes(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "admin"}
    async with open_mqtt(broker.port, **options) as shop:
        await shop.house.until_ready()
        klippy = shop.house.klippy
        klippy.silent.add("gcode/script")
        async with open_stranger(broker, RESPONSE) as stranger:
            for number in range(IN_FLIGHT):
                request = rpc("printer.gcode.script", number, script="G4")
                await stranger.publish(REQUEST, json.dumps(request))
            await until(lambda: len(klippy.asked("gcode/script")) == IN_FLIGHT)
            over = await ask(stranger, rpc("printer.gcode.script", "over", script="G4"))
            assert (over["id"], over["error"]["code"]) == ("over", 429)
            assert (await ask(stranger, rpc("server.temperature_store", "s")))["id"] == "s"
            assert (await ask(stranger, rpc("printer.emergency_stop", "e")))["result"] == "ok"
            assert stranger.silent()


@pytest.mark.parametrize(
    ("junk", "code"),
    [
        (b"", -32700),
        (b"\xff\xfe\x00", -32700),
        (b"{" * 100_000, -32700),
        (b"17", -32600),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"server.info","params":[]}', -32602),
        (b'{"mqtt_timestamp', -32700),
    ],
)
async def test_junk_is_answered_with_an_error(broker, junk, code):
    async with (
        open_mqtt(broker.port, enable_moonraker_api=True) as shop,
        open_stranger(broker, RESPONSE) as stranger,
    ):
        await stranger.publish(REQUEST, junk)
        assert (await stranger.until(RESPONSE)).json["error"]["code"] == code
        assert (await ask(stranger, rpc("server.temperature_store", 2)))["id"] == 2
        assert shop.part.restarts == 0


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("protocol", ["v3.1.1", "v5"])
async def test_a_message_of_10_mb_is_read_over(broker, protocol, qos):
    options = {"enable_moonraker_api": True, "mqtt_protocol": protocol, "api_qos": qos}
    async with (
        open_mqtt(broker.port, **options) as shop,
        open_stranger(broker, RESPONSE) as stranger,
    ):
        await stranger.publish(REQUEST, b"x" * 10_000_000, qos)
        if protocol == "v3.1.1":  # with v5 the broker itself keeps it
            answer = (await stranger.until(RESPONSE)).json
            assert answer["error"]["code"] == -32600
            assert "262144" in answer["error"]["message"]
        answer = await ask(stranger, rpc("server.temperature_store", 2))
        assert answer["id"] == 2
        assert shop.part.restarts == 0


@pytest.mark.parametrize(("size", "code"), [(REQUEST_BYTES, -32601), (REQUEST_BYTES + 1, -32600)])
async def test_the_size_of_a_request_at_its_edge(broker, size, code):
    async with (
        open_mqtt(broker.port, enable_moonraker_api=True),
        open_stranger(broker, RESPONSE) as stranger,
    ):
        filler = "x" * (size - len(json.dumps(rpc("x", p=""))))
        request = json.dumps(rpc("x", p=filler))
        assert len(request) == size
        assert (await ask(stranger, request))["error"]["code"] == code


async def test_an_answer_that_is_too_large_becomes_an_error(broker):
    async with (
        open_mqtt(broker.port, enable_moonraker_api=True) as shop,
        open_stranger(broker, RESPONSE) as stranger,
    ):
        large = Endpoint(
            "/test/large", ("GET",), NoParams, lambda *_: "x" * 2_000_000, "T.", access=Access.VIEW
        )
        shop.house.table.extend([large])
        answer = await ask(stranger, rpc("test.large", 3))
        assert (answer["id"], answer["error"]["code"]) == (3, 413)
