"""What is published as the broker is lost: an error, and no wait without end."""

import pytest
import trio

from config.settings.mqtt import MqttSettings
from mrk.errors import ClientError
from tests.polling import until
from tests.transports.mqtt.house import PATIENCE_S, open_mqtt
from tests.transports.mqtt.proxy import open_proxy
from transports.mqtt.broker_connection import BrokerConnection

PUBLISHERS = 30


async def test_nothing_is_taken_for_a_connection_that_is_lost() -> None:
    ours, _theirs = trio.testing.memory_stream_pair()
    settings = MqttSettings(address="x")
    nothing = lambda *_: None  # noqa: E731
    connection = BrokerConnection(ours, settings, "mrk", ("will", b""), nothing, nothing)
    connection.lose()
    with trio.fail_after(PATIENCE_S), pytest.raises(ClientError) as refused:
        await connection.publish("topic", b"", 1, False)
    assert refused.value.status == 503
    with pytest.raises(ClientError):
        connection.post("topic", b"", 0)


async def test_who_publishes_again_at_once_is_told_too(broker) -> None:
    async with open_proxy(broker.port) as proxy, open_mqtt(proxy.port) as shop:
        proxy.stall()
        told: list[int] = []

        async def publish_twice() -> None:
            for _ in range(2):
                with pytest.raises(ClientError) as refused:
                    await shop.mqtt.publish("topic", b"", 1)
                told.append(refused.value.status)

        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                for _ in range(PUBLISHERS):
                    nursery.start_soon(publish_twice)
                await trio.testing.wait_all_tasks_blocked()
                await proxy.cut()
        assert told == [503] * 2 * PUBLISHERS
        # Those who waited are told before the connection is closed, and no other comes meanwhile.
        await until(lambda: not shop.mqtt.mqtt_connected)
        proxy.flow()
        await until(lambda: shop.mqtt.mqtt_connected)
        await shop.mqtt.publish("topic", b"", 1)
