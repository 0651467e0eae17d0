"""The printer as Home Assistant sees it on a real broker: entities, state, availability."""

import json

import pytest
import trio

from mrk.webcams.webcam import Webcam
from tests.fakes.items import MemoryItems
from tests.fakes.klippy import FakeKlippy
from tests.polling import until
from tests.transports.mqtt.house import open_mqtt, open_stranger
from tests.transports.mqtt.proxy import open_proxy
from transports.mqtt.subsystem import device_id

PRINTER, STATE = "shop/homeassistant/printer", "shop/homeassistant/state"
SERVER = "shop/moonraker/status"
WEBCAM = Webcam(name="Nozzle", stream_url="/s", snapshot_url="/webcam/?action=snapshot", uid="ab-1")


def configs(stranger):
    """Entities by topic, as far as they were announced; None for one that is gone."""
    stranger.take()
    return {
        heard.topic: json.loads(heard.payload) if heard.payload else None
        for heard in stranger.stranger.heard
        if heard.topic.endswith("/config")
    }


async def test_it_appears_by_itself_with_its_state(broker):
    options = {"enable_homeassistant_discovery": True, "enable_moonraker_api": True}
    async with (
        open_stranger(broker, "#") as stranger,
        open_mqtt(broker.port, **options) as shop,
    ):
        state = await stranger.until(STATE)
        await stranger.until(PRINTER, lambda heard: heard.payload == b"online")
        assert state.json["temperatures"] == {"extruder": {"temperature": 20.0, "target": 0.0}}
        wanted = {"progress", "temperature_extruder_target", "emergency_stop", "klippy"}
        await until(lambda: {topic.split("/")[3] for topic in configs(stranger)} >= wanted)
        found = configs(stranger)
        (pause,) = (one for topic, one in found.items() if topic.endswith("/pause/config"))
        await stranger.publish(pause["command_topic"], pause["payload_press"])
        with trio.fail_after(20):
            await shop.house.klippy.wait_for("pause_resume/pause")


class Busy(FakeKlippy):
    """Prints, and tells of changes before it answers a subscription."""

    async def answer(self, request):
        if request["method"] == "objects/subscribe":
            self.subscribed = {"virtual_sdcard": ["progress"]}
            self.templates["status"] = request["params"]["response_template"]
            for progress in (0.5, 0.6):
                await self.send(self.change({"virtual_sdcard": {"progress": progress}}))
        await super().answer(request)


async def test_nothing_is_shown_before_the_printer_is_known(broker):
    """What the last run left at the broker says `online`, too."""
    options = {"enable_homeassistant_discovery": True}
    async with open_stranger(broker, PRINTER) as stranger, open_mqtt(broker.port, **options):
        await stranger.until(PRINTER, lambda heard: heard.payload == b"online")
    klippy = Busy()
    klippy.status["print_stats"] = {"state": "printing", "filename": "a.gcode"}
    klippy.status["virtual_sdcard"] = {"progress": 0.5}
    async with (
        open_stranger(broker, "shop/#") as stranger,
        open_mqtt(broker.port, klippy, **options),
    ):
        await stranger.until(PRINTER, lambda heard: heard.payload == b"online" and not heard.retain)
        live = [
            heard
            for heard in stranger.stranger.heard
            if not heard.retain and not heard.topic.endswith("/installation")
        ]
        first, second, third, *_more, last = live
        assert (first.topic, first.payload) == (PRINTER, b"offline")
        assert (second.topic, second.json) == (SERVER, {"server": "online"})
        assert third.topic == STATE
        assert (third.json["state"], third.json["printing"]) == ("printing", True)
        assert third.json["temperatures"]["extruder"]["temperature"] == 20.0
        assert (last.topic, last.payload) == (PRINTER, b"online")


async def test_another_name_keeps_the_device(broker):
    options = {"enable_homeassistant_discovery": True}
    seen = []
    for name in ("shop", "attic"):
        async with (
            open_stranger(broker, "homeassistant/#") as stranger,
            open_mqtt(broker.port, instance_name=name, **options),
        ):
            await until(lambda: len(configs(stranger)) > 8)
            seen.append({one["device"]["identifiers"][0] for one in configs(stranger).values()})
    assert len(seen[0]) == 1
    assert seen[0] == seen[1]
    assert device_id("0" * 32) in seen[0]
    assert device_id("1" * 32) not in seen[0]


def retained(stranger):
    """Config topics that the broker keeps."""
    return {heard.topic for heard in stranger.stranger.heard if heard.payload}


async def kept_by(broker):
    async with open_stranger(broker, "homeassistant/#", "mark") as stranger:
        await stranger.publish("mark", b"x", 2)
        await stranger.until("mark")
        return {topic.split("/", 2)[-1].split("/", 1)[-1] for topic in retained(stranger)} - {
            "mark"
        }


async def test_what_is_announced_no_more_is_taken_back(broker):
    """A webcam, the buttons and a sensor, removed while mrk was away."""
    items = MemoryItems()
    discovery = {"enable_homeassistant_discovery": True, "items": items}
    async with open_mqtt(
        broker.port, webcams=[WEBCAM], enable_moonraker_api=True, **discovery
    ) as shop:
        await shop.house.until_ready()
        camera = "camera_ab_1/config"
        await until_kept(broker, lambda kept: camera in kept and "pause/config" in kept)
        await until_kept(broker, lambda kept: "temperature_extruder/config" in kept)
    away = FakeKlippy()
    away.up = False
    async with open_mqtt(broker.port, away, **discovery):
        kept = await until_kept(broker, lambda kept: not kept & {camera, "pause/config"})
        # A printer that is away may still have its sensors.
        assert "temperature_extruder/config" in kept
        assert "state/config" in kept
    without = FakeKlippy()
    without.status["heaters"] = {"available_heaters": [], "available_sensors": []}
    async with open_mqtt(broker.port, without, **discovery):
        # One topic after the other is taken back; these nine are left.
        kept = await until_kept(broker, lambda kept: len(kept) == 9)
        assert not kept & {"temperature_extruder/config", "temperature_extruder_target/config"}
    async with open_mqtt(broker.port, items=items):
        assert await until_kept(broker, lambda kept: not kept) == set()
        await until(lambda: items.records("moonraker")["mqtt"]["announced"] == [])


async def until_kept(broker, suits):
    with trio.fail_after(20):
        while not suits(kept := await kept_by(broker)):
            pass
    return kept


async def test_a_printer_in_error_keeps_its_temperatures(broker):
    """Without its configuration Klipper lists no heaters; Home Assistant would forget entities."""
    klippy, items = FakeKlippy(), MemoryItems()
    discovery = {"enable_homeassistant_discovery": True, "items": items}
    async with open_mqtt(broker.port, klippy, **discovery):
        await until_kept(broker, lambda kept: "temperature_extruder/config" in kept)
    broken = FakeKlippy()
    broken.status = {"webhooks": {"state": "error", "state_message": "x"}}
    async with (
        open_stranger(broker, STATE) as stranger,
        open_mqtt(broker.port, broken, **discovery),
    ):
        await stranger.until(STATE, lambda heard: heard.json["state"] == "error")
        assert "temperature_extruder/config" in await kept_by(broker)


async def test_a_full_disk_does_not_stop_the_announcement(broker):
    items = MemoryItems()
    items.full = True
    async with open_mqtt(broker.port, enable_homeassistant_discovery=True, items=items):
        await until_kept(broker, lambda kept: "temperature_extruder/config" in kept)


async def test_fields_that_klipper_answers_with_null_are_no_targets(broker):
    options = {"enable_homeassistant_discovery": True}
    klippy = FakeKlippy()
    klippy.status["heaters"]["available_sensors"] = ["extruder", "temperature_sensor host"]
    klippy.status["temperature_sensor host"] = {"temperature": 40.0, "target": None}
    async with open_stranger(broker, "#") as stranger, open_mqtt(broker.port, klippy, **options):
        wanted = "temperature_temperature_sensor_host"
        await until(lambda: {topic.split("/")[3] for topic in configs(stranger)} >= {wanted})
        assert f"{wanted}_target" not in {topic.split("/")[3] for topic in configs(stranger)}


async def test_documents_and_state_are_retained(broker):
    options = {"enable_homeassistant_discovery": True, "homeassistant_prefix": "ha"}
    async with open_stranger(broker, STATE) as first, open_mqtt(broker.port, **options):
        await first.until(STATE)
        async with open_stranger(broker, "ha/sensor/#", STATE) as late:
            assert (await late.next()).retain
            assert (await late.until(STATE)).retain
        async with open_stranger(broker, "ha/#") as buttons:
            await until(lambda: len(configs(buttons)) > 8)
            assert not [topic for topic in configs(buttons) if "/button/" in topic]


def printing_klippy():
    """A printer that lists `print_stats`, as one with a virtual SD card does."""
    klippy = FakeKlippy()
    klippy.status["print_stats"] = {"state": "standby", "filename": ""}
    return klippy


async def test_state_follows_the_printer_once_a_second(broker):
    options = {"enable_homeassistant_discovery": True}
    async with (
        open_stranger(broker, STATE) as stranger,
        open_mqtt(broker.port, printing_klippy(), **options) as shop,
    ):
        await shop.house.until_ready()
        await stranger.until(STATE)
        klippy = shop.house.klippy
        for number in range(20):
            stats = {"state": "printing", "filename": f"{number}.gcode"}
            await klippy.send(klippy.change({"print_stats": stats}))
        await stranger.until(STATE, lambda heard: heard.json["filename"] == "19.gcode")
        assert len(stranger.stranger.heard) <= 4


async def test_the_printer_goes_and_comes_back(broker):
    options = {"enable_homeassistant_discovery": True}
    async with (
        open_stranger(broker, PRINTER) as stranger,
        open_mqtt(broker.port, **options) as shop,
    ):
        await stranger.until(PRINTER, lambda heard: heard.payload == b"online")
        shop.house.klippy.up = False
        began = trio.current_time()
        await shop.house.klippy.close()
        await stranger.until(PRINTER, lambda heard: heard.payload == b"offline")
        assert trio.current_time() - began < 5.0
        shop.house.klippy.up = True
        await stranger.until(PRINTER, lambda heard: heard.payload == b"online")


async def test_the_connection_is_cut(broker):
    """As the kernel ends it when the daemon is killed: without a goodbye."""
    async with (
        open_stranger(broker, SERVER) as stranger,
        open_proxy(broker.port) as proxy,
        open_mqtt(proxy.port, enable_homeassistant_discovery=True),
    ):
        await stranger.until(SERVER, lambda heard: heard.json["server"] == "online")
        began = trio.current_time()
        await proxy.cut()
        await stranger.until(SERVER, lambda heard: heard.json["server"] == "offline")
        assert trio.current_time() - began < 5.0


async def test_without_a_printer(broker):
    options = {"enable_homeassistant_discovery": True}
    klippy = FakeKlippy()
    klippy.up = False
    async with open_stranger(broker, "#") as stranger, open_mqtt(broker.port, klippy, **options):
        assert (await stranger.until(PRINTER)).payload == b"offline"
        await until(lambda: configs(stranger))


@pytest.mark.e2e  # state is looked at once a second
async def test_pictures_of_webcams(broker):
    options = {"enable_homeassistant_discovery": True}
    topic = "shop/homeassistant/camera/ab-1"
    async with (
        open_stranger(broker, "#") as stranger,
        open_mqtt(broker.port, printing_klippy(), **options) as shop,
    ):
        await shop.house.until_ready()
        shop.webcams.append(WEBCAM)
        shop.web.pictures["http://127.0.0.1/webcam/?action=snapshot"] = b"\xff\xd8picture"
        klippy = shop.house.klippy
        await klippy.send(klippy.change({"print_stats": {"state": "printing"}}))
        assert (await stranger.until(topic)).payload == b"\xff\xd8picture"
        (camera,) = (one for name, one in configs(stranger).items() if "/camera/" in name)
        assert (camera["topic"], camera["name"]) == (topic, "Nozzle")
        shop.webcams.clear()
        await klippy.send(klippy.change({"print_stats": {"state": "complete"}}))
        gone = await stranger.until(
            next(name for name in configs(stranger) if "/camera/" in name), lambda _heard: True
        )
        assert gone.payload == b""
