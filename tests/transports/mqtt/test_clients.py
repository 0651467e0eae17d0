"""server.mqtt.publish and subscribe on a real broker: results, edges, errors, the full queue."""

import json

import pytest
import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from tests.polling import until
from tests.transports.mqtt.house import open_mqtt, open_stranger
from transports.mqtt.broker_connection import QUEUE_BYTES, QUEUE_MESSAGES

PUBLISH, SUBSCRIBE = "server.mqtt.publish", "server.mqtt.subscribe"


async def refused(awaitable):
    with pytest.raises(ClientError) as info:
        await awaitable
    return info.value.status, info.value.message


@pytest.mark.parametrize("protocol", ["v3.1", "v3.1.1", "v5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_arrives_as_it_was_meant(broker, protocol, qos):
    async with (
        open_mqtt(broker.port, mqtt_protocol=protocol) as shop,
        open_stranger(broker, "x/#") as stranger,
    ):
        answer = await shop.call(PUBLISH, topic="x/y", payload={"a": [1, None]}, qos=qos)
        assert answer == {"topic": "x/y"}
        heard = await stranger.until("x/y")
        assert (heard.json, heard.qos, heard.retain) == ({"a": [1, None]}, qos, False)


async def test_an_explicit_qos_of_0_is_honoured(broker):
    async with (
        open_mqtt(broker.port, default_qos=2) as shop,
        open_stranger(broker, "x") as stranger,
    ):
        await shop.call(PUBLISH, topic="x")
        await shop.call(PUBLISH, topic="x", qos=0)
        assert {(await stranger.until("x")).qos for _ in range(2)} == {2, 0}
        waiting = shop.call(SUBSCRIBE, topic="y", qos=0, timeout=0.0)
        assert (await refused(waiting))[0] == 504


async def test_a_message_that_is_not_acknowledged_has_time_to_be_written(broker):
    async with open_mqtt(broker.port) as shop, open_stranger(broker, "x") as stranger:
        assert await shop.call(PUBLISH, topic="x", payload=1, qos=0, timeout=0) == {"topic": "x"}
        assert (await stranger.until("x")).json == 1
        assert (await refused(shop.call(PUBLISH, topic="x", qos=1, timeout=0)))[0] == 504


async def test_retained_messages_come_and_are_cleared(broker):
    async with open_mqtt(broker.port) as shop:
        await shop.call(PUBLISH, topic="x", payload="kept", qos=1, retain=True)
        for _ in range(2):
            answer = await shop.call(SUBSCRIBE, topic="x", timeout=20)
            assert answer == {"topic": "x", "payload": "kept"}
        await shop.call(PUBLISH, topic="x", qos=1, retain=True)
        assert (await refused(shop.call(SUBSCRIBE, topic="x", timeout=0.05)))[0] == 504


async def test_the_next_message_is_for_all_who_wait(broker):
    async with open_mqtt(broker.port) as shop, open_stranger(broker) as stranger:
        answers = []

        async def wait():
            answers.append(await shop.call(SUBSCRIBE, topic="door"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            with trio.fail_after(20):
                while len(answers) < 2:
                    await stranger.publish("door", '{"open":false}', 1)
        assert answers == [{"topic": "door", "payload": {"open": False}}] * 2


async def test_a_topic_nobody_waits_for_is_let_go(broker):
    async with open_mqtt(broker.port) as shop, open_stranger(broker) as stranger:
        await refused(shop.call(SUBSCRIBE, topic="door", timeout=0.01))
        with trio.move_on_after(0.01):
            await shop.call(SUBSCRIBE, topic="door")
        heard = []
        shop.mqtt._kept.audience.tell = lambda topic, *_a, **_k: heard.append(topic)
        shop.mqtt.listen("after", heard.append)
        with trio.fail_after(20):
            while "after" not in heard:
                await stranger.publish("after", b"", 1)
        heard.clear()
        await stranger.publish("door", b"", 1)
        await stranger.publish("after", b"", 1)
        await until(lambda: heard)
        assert set(heard) == {"after"}


async def test_listeners_do_not_hear_a_retained_message_twice(broker):
    async with open_stranger(broker) as stranger:
        await stranger.publish("x", b"kept", 1, retain=True)
    async with open_mqtt(broker.port) as shop:
        heard = []
        shop.mqtt.listen("x", heard.append)
        await until(lambda: heard)
        for _ in range(3):
            await shop.call(SUBSCRIBE, topic="x", timeout=20)
        assert heard == [b"kept"]


async def test_who_waits_does_so_over_a_restart_of_the_broker(broker):
    async with open_mqtt(broker.port) as shop, trio.open_nursery() as nursery:
        answers = []

        async def wait():
            answers.append(await shop.call(SUBSCRIBE, topic="x"))

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked(0.01)
        await trio.to_thread.run_sync(broker.kill)
        await until(lambda: not shop.mqtt.mqtt_connected)
        await trio.to_thread.run_sync(broker.start)
        await shop.up()
        async with open_stranger(broker) as stranger:
            await stranger.publish("x", b"1", 1, retain=True)
        await until(lambda: answers)
        assert answers == [{"topic": "x", "payload": 1}]


@pytest.mark.parametrize(
    ("method", "params", "status"),
    [
        (PUBLISH, {}, 400),
        (PUBLISH, {"topic": ""}, 400),
        (PUBLISH, {"topic": "a/#"}, 400),
        (PUBLISH, {"topic": "a/+/b"}, 400),
        (PUBLISH, {"topic": "x" * 65536}, 400),
        (PUBLISH, {"topic": "x", "qos": 3}, 400),
        (PUBLISH, {"topic": "x", "qos": -1}, 400),
        (PUBLISH, {"topic": "x", "qos": "high"}, 400),
        (PUBLISH, {"topic": "x", "timeout": -1}, 400),
        (PUBLISH, {"topic": "x", "timeout": 1e300}, 400),
        (PUBLISH, {"topic": "x", "payload": "y" * (1024 * 1024 + 1)}, 413),
        (SUBSCRIBE, {}, 400),
        (SUBSCRIBE, {"topic": "#"}, 400),
        (SUBSCRIBE, {"topic": "x", "qos": 3}, 400),
        (SUBSCRIBE, {"topic": "x", "timeout": -0.1}, 400),
    ],
)
async def test_bad_requests(broker, method, params, status):
    async with open_mqtt(broker.port) as shop:
        assert (await refused(shop.call(method, **params)))[0] == status


async def test_without_a_broker():
    async with open_mqtt(1, wait=False) as shop:
        assert (await refused(shop.call(PUBLISH, topic="x", qos=1)))[0] == 503
        assert (await refused(shop.call(SUBSCRIBE, topic="x", timeout=0.01)))[0] == 504


@pytest.mark.parametrize("qos", [1, 2])
async def test_a_broker_that_does_not_acknowledge_in_time(broker, qos):
    async with open_mqtt(broker.port) as shop:
        broker.freeze()
        status, message = await refused(shop.call(PUBLISH, topic="x", qos=qos, timeout=0.05))
        assert status == 504
        assert "may still be delivered" in message
        broker.thaw()
        await shop.call(PUBLISH, topic="x", qos=qos, timeout=20)


async def test_the_outgoing_queue_is_full_at_its_edge_and_empties(broker):
    async with open_mqtt(broker.port) as shop, trio.open_nursery() as nursery:
        broker.freeze()
        ended = []

        async def publish():
            try:
                await shop.call(PUBLISH, topic="x", qos=1)
                ended.append(None)
            except ClientError as exc:
                ended.append(exc.status)

        window = 20  # are on their way already
        for count in (window, QUEUE_MESSAGES):
            for _ in range(count):
                nursery.start_soon(publish)
            await trio.testing.wait_all_tasks_blocked(0.02)
        assert ended == []
        status, message = await refused(shop.call(PUBLISH, topic="x", qos=1))
        assert status == 529
        assert "full" in message
        broker.thaw()
        await until(lambda: len(ended) == window + QUEUE_MESSAGES)
        assert set(ended) == {None}
        await shop.call(PUBLISH, topic="x", qos=1)


async def test_its_bytes_are_bounded_too(broker):
    async with open_mqtt(broker.port) as shop, trio.open_nursery() as nursery:
        broker.freeze()
        payload = "x" * 1_000_000
        for _ in range(40):
            nursery.start_soon(shop.mqtt.publish, "x", payload.encode(), 1)
            await trio.testing.wait_all_tasks_blocked()
            if shop.mqtt._broker._is_full:
                break
        waiting = shop.mqtt._broker._queued_bytes
        assert QUEUE_BYTES <= waiting < QUEUE_BYTES + 1_100_000
        assert (await refused(shop.call(PUBLISH, topic="x", qos=0)))[0] == 529
        nursery.cancel_scope.cancel()


async def test_who_left_does_not_take_room(broker):
    async with open_mqtt(broker.port) as shop:
        broker.freeze()
        for _ in range(3):
            async with trio.open_nursery() as nursery:
                for _ in range(500):
                    nursery.start_soon(shop.mqtt.publish, "x", b"", 1)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        broker.thaw()
        with trio.fail_after(20):
            await shop.call(PUBLISH, topic="x", qos=1)


async def test_nobody_becomes_more_than_he_is_by_way_of_the_broker(broker):
    options = {"enable_moonraker_api": True, "mqtt_role": "admin"}
    async with open_mqtt(broker.port, **options) as shop:
        topic = "shop/moonraker/api/request"
        method = shop.house.table.method(PUBLISH, Transport.HTTP)
        for role, allowed in ((Role.OPERATE, False), (Role.ADMIN, True)):
            caller = Caller(Transport.HTTP, role=role)
            if allowed:
                await method.call({"topic": topic}, caller)
            else:
                assert (await refused(method.call({"topic": topic}, caller)))[0] == 403
            await method.call({"topic": "other"}, caller)


async def test_a_broker_with_a_smaller_limit_says_so(tmp_path):
    from tests.fakes.mosquitto import run_mosquitto

    with run_mosquitto(tmp_path, "max_packet_size 5000") as broker:
        async with open_mqtt(broker.port, mqtt_protocol="v5") as shop:
            await shop.call(PUBLISH, topic="x", payload="y" * 4900, qos=1)
            status, message = await refused(shop.call(PUBLISH, topic="x", payload="y" * 5000))
            assert status == 413
            assert "5000" in message


async def test_a_large_message_comes_and_goes_whole(broker):
    async with open_mqtt(broker.port) as shop:
        payload = json.dumps(["x" * 1000] * 1000)
        heard = []
        shop.mqtt.listen("x", heard.append)
        await shop.call(PUBLISH, topic="x", payload=payload, qos=2)
        await until(lambda: heard)
        assert heard == [payload.encode()]
