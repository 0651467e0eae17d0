"""Two installations of one name on a real broker: each keeps topics and a device of its own."""

import json

import trio

from tests.fakes.items import MemoryItems
from tests.fakes.mosquitto import run_mosquitto
from tests.polling import until
from tests.transports.mqtt.house import open_mqtt, open_stranger
from transports.mqtt.subsystem import device_id, installation_mark

FIRST, SECOND = "1" * 32, "2" * 32
SUFFIXED = f"shop-{installation_mark(SECOND)[:4]}"
HOME = {"enable_homeassistant_discovery": True}


def last(stranger):
    stranger.take()
    heard = [one for one in stranger.stranger.heard if not one.payload.startswith(b"?")]
    return {one.topic: one.payload for one in heard}


async def test_the_second_gets_a_suffix_and_says_so(broker):
    async with (
        open_stranger(broker, "#") as stranger,
        open_mqtt(broker.port, instance_id=FIRST, **HOME) as first,
        open_mqtt(broker.port, instance_id=SECOND, **HOME) as second,
    ):
        assert first.mqtt.warnings == []
        (warning,) = second.mqtt.warnings
        assert warning.startswith("[mqtt] instance_name: ")
        assert "'shop'" in warning
        assert SUFFIXED in warning
        for name in ("shop", SUFFIXED):
            topic = f"{name}/homeassistant/printer"
            await until(lambda topic=topic: last(stranger).get(topic) == b"online")
        seen = last(stranger)
        for name, instance in (("shop", FIRST), (SUFFIXED, SECOND)):
            assert json.loads(seen[f"{name}/moonraker/status"]) == {"server": "online"}
            assert seen[f"{name}/moonraker/installation"] == installation_mark(instance).encode()
            config = json.loads(seen[f"homeassistant/sensor/{device_id(instance)}/state/config"])
            assert config["state_topic"] == f"{name}/homeassistant/state"
            assert config["device"]["name"] == name
    # Neither was ever told to be gone by the other.
    offline = [
        heard.topic for heard in stranger.stranger.heard if heard.payload == b'{"server":"offline"}'
    ]
    assert offline.count("shop/moonraker/status") <= 1


async def test_the_first_does_not_notice(broker):
    async with (
        open_mqtt(broker.port, instance_id=FIRST) as first,
        open_stranger(broker, "shop/moonraker/status") as stranger,
    ):
        await stranger.next()
        for _ in range(2):
            async with open_mqtt(broker.port, instance_id=SECOND) as second:
                assert second.mqtt.warnings
        await stranger.publish("shop/moonraker/status", b"mark")
        assert (await stranger.next()).payload == b"mark"
        assert first.mqtt.mqtt_connected


async def test_a_name_that_was_left_does_not_change_with_the_order(broker):
    items = MemoryItems()
    async with (
        open_mqtt(broker.port, instance_id=FIRST),
        open_mqtt(broker.port, instance_id=SECOND, items=items) as second,
    ):
        assert second.mqtt.warnings
    async with open_mqtt(broker.port, instance_id=SECOND, items=items) as second:
        assert second.mqtt.warnings  # the first is switched off, and its name stays its own
    async with open_stranger(broker) as stranger:
        await stranger.publish("shop/moonraker/installation", b"", 1, retain=True)
    for _ in range(2):
        async with open_mqtt(broker.port, instance_id=SECOND, items=items) as second:
            assert second.mqtt.warnings == []


async def test_a_new_installation_takes_its_old_name_over(broker):
    async with open_mqtt(broker.port, instance_id=FIRST):
        pass
    async with open_mqtt(broker.port, instance_id=SECOND) as second:
        assert second.mqtt.warnings == []


async def test_two_that_start_at_once(broker):
    """The broker comes back, and both are there before either has left its mark."""
    async with (
        open_mqtt(broker.port, instance_id=FIRST) as first,
        open_mqtt(broker.port, instance_id=SECOND, instance_name="attic") as second,
        open_stranger(broker, "#") as stranger,
    ):
        del second
        # As if the other had seen nothing: its mark comes while the name is ours.
        mine = installation_mark(FIRST)
        await stranger.publish("shop/moonraker/installation", b"f" * 16, 1, retain=True)
        await stranger.until(
            "shop/moonraker/installation", lambda heard: heard.payload == mine.encode()
        )
        assert first.mqtt.warnings == []
        await stranger.publish("shop/moonraker/installation", b"0" * 16, 1, retain=True)
        with trio.fail_after(20):
            await until(lambda: first.mqtt.warnings)
            await first.up()


async def test_a_broker_that_hides_the_name_lets_it_be_used(broker, tmp_path):
    rules = tmp_path / "rules"
    rules.write_text("topic write shop/#\ntopic read nothing\n")
    with run_mosquitto(tmp_path / "closed", f"acl_file {rules}") as closed:
        async with open_mqtt(closed.port) as shop:
            assert shop.mqtt.warnings == []
