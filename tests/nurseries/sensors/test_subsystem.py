"""server.sensors.*, notifications and fields of jobs, on messages of a fake broker."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from config.load import load
from config.paths import Paths
from config.settings.sensors import SensorSettings
from config.template import Templates
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.errors import ClientError
from mrk.jobs.events import JobSnapshot
from mrk.jobs.print_stats import PrintStats
from mrk.sensors.inbox import MOST_MESSAGES
from nurseries.sensors.sensor import PAYLOAD_BYTES
from nurseries.sensors.subsystem import Sensors
from tests.fakes.mqtt_port import FakeMqtt

CONFIGURATION = """\
[server]
[authorization]
[mqtt]
enable_moonraker_api: False
address: localhost
[sensor meter]
type: mqtt
name: Energy meter
qos: 1
sensor_store_size: 3
state_topic: tele/meter
state_response_template:
  {% set reading = payload|fromjson %}
  {set_result("power", reading.power)}
  {% if reading.energy is defined %}{set_result("energy", reading.energy)}{% endif %}
parameter_power:
  units=W
history_field_used:
  parameter=energy
  strategy=delta
  units=kWh
  precision=3
  init_tracker=true
  exclude_paused=true
  report_total=true
history_field_mean:
  parameter=power
  strategy=average
[sensor open]
type: mqtt
state_topic: any
state_response_template: {set_result(payload, 1)}
"""
TOPIC = "tele/meter"


@pytest.fixture
def settings(tmp_path) -> tuple[SensorSettings, ...]:
    file = tmp_path / "x.conf"
    file.write_text(CONFIGURATION)
    loaded = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))
    assert loaded.warnings == []
    return loaded.settings.sensors


class House:
    def __init__(self, settings: tuple[SensorSettings, ...]) -> None:
        self.mqtt = FakeMqtt()
        self.clients = Clients()
        self.jobs: Any = SimpleNamespace(snapshot=None)
        self.sensors = Sensors(settings, self.mqtt, self.jobs, self.clients)
        self.table = Table(self.sensors.endpoints())
        outbox = Outbox(lambda payload: payload + b"\n", 4_000_000, lambda: None)
        self.client = Client(1, Transport.WEBSOCKET, outbox, authorized=True)
        self.clients.add(self.client)

    def call(self, method: str, **params: object) -> Any:
        found = self.table.method(f"server.sensors.{method}", Transport.WEBSOCKET)
        return json.loads(msgspec.json.encode(found.call(params, Caller(Transport.WEBSOCKET))))

    def told(self) -> list[Any]:
        notes = [json.loads(line) for line in self.client.outbox.take().splitlines()]
        assert all(note["method"] == "notify_sensor_update" for note in notes)
        return [note["params"] for note in notes]

    async def say(self, topic: str = TOPIC, **reading: object) -> None:
        await self.say_raw(json.dumps(reading), topic)

    async def say_raw(self, payload: bytes | str, topic: str = TOPIC) -> None:
        self.mqtt.say(topic, payload)
        await trio.testing.wait_all_tasks_blocked()

    def values(self, sensor: str = "meter") -> dict[str, float]:
        return self.call("info", sensor=sensor)["values"]

    def fields(self) -> dict[str, Any]:
        return {field.name: field.value for field in self.sensors.values()}

    def printer_is(self, state: str) -> None:
        self.jobs.snapshot = JobSnapshot(PrintStats(state=state, filename="a.gcode"), 1.0)


@asynccontextmanager
async def open_house(settings: tuple[SensorSettings, ...]) -> AsyncIterator[House]:
    house = House(settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(house.sensors.serve)
        yield house
        nursery.cancel_scope.cancel()


async def test_lists_and_descriptions(settings, autojump_clock):
    async with open_house(settings) as house:
        assert house.mqtt.wanted == {"tele/meter": 1, "any": None}
        assert house.call("info", sensor="open") == {
            "id": "open", "friendly_name": "open", "type": "mqtt", "values": {},
        }  # fmt: skip
        await house.say(power=230.5, energy="3.25")
        meter = {
            "id": "meter", "friendly_name": "Energy meter", "type": "mqtt",
            "values": {"power": 230.5, "energy": 3.25},
        }  # fmt: skip
        listed = house.call("list")["sensors"]
        assert (list(listed), listed["meter"]) == (["meter", "open"], meter)
        assert house.call("list", extended="true")["sensors"]["open"]["history_fields"] == []
        assert house.call("info", sensor="meter", extended=True) == {
            **meter,
            "parameter_info": [{"units": "W", "name": "power"}],
            "history_fields": [
                {
                    "field": "used", "provider": "sensor meter", "description": "energy tracker",
                    "strategy": "delta", "units": "kWh", "init_tracker": True,
                    "exclude_paused": True, "report_total": True, "report_maximum": False,
                    "precision": 3, "parameter": "energy",
                },
                {
                    "field": "mean", "provider": "sensor meter", "description": "power tracker",
                    "strategy": "average", "units": None, "init_tracker": False,
                    "exclude_paused": False, "report_total": False, "report_maximum": False,
                    "precision": None, "parameter": "power",
                },
            ],
        }  # fmt: skip


async def test_samples_and_notifications(settings, autojump_clock):
    async with open_house(settings) as house:
        await trio.sleep(1.5)
        assert (house.call("measurements"), house.told()) == ({"meter": {}, "open": {}}, [])
        await house.say(power=1)
        await house.say(power=2)
        assert house.told() == []
        await trio.sleep(2)
        assert house.told() == [[{"meter": {"power": 2}}]]
        await house.say(power=2)
        await house.say(power=3, energy=7)
        await trio.sleep(2)
        assert house.told() == [[{"meter": {"power": 3, "energy": 7}}]]
        series = {"power": [2, 3, 3], "energy": [7, 7]}
        assert house.call("measurements") == {"meter": series, "open": {}}
        assert house.call("measurements", sensor="meter") == {"meter": series}


async def test_null_is_shown_as_null_and_counts_for_no_field(settings, autojump_clock):
    """Such as of a sensor that lost its probe; neither 0 nor the last value is true."""
    async with open_house(settings) as house:
        house.sensors.begin_job()
        await house.say(power=1, energy=3)
        await house.say(power=3, energy=4)
        await house.say(power=None, energy=None)
        await trio.sleep(1.5)
        assert house.values() == {"power": None, "energy": None}
        assert house.told() == [[{"meter": {"power": None, "energy": None}}]]
        assert house.call("measurements")["meter"] == {"power": [None], "energy": [None]}
        assert house.fields()["mean"] == 2
        await house.say(power=5)
        assert house.values() == {"power": 5, "energy": None}
        assert house.fields()["mean"] == 3


async def test_values_are_gone_with_the_broker(settings, autojump_clock):
    async with open_house(settings) as house:
        await house.say(power=5)
        await trio.sleep(1.5)
        house.mqtt.mqtt_connected = False
        assert house.values() == {"power": 5}
        await trio.sleep(3)
        assert house.values() == {}
        assert house.told() == [[{"meter": {"power": 5}}], [{"meter": {}}]]
        assert house.call("measurements", sensor="meter") == {"meter": {"power": [5]}}
        house.mqtt.mqtt_connected = True
        await house.say(power=5)
        await trio.sleep(1)
        assert house.told() == [[{"meter": {"power": 5}}]]


@pytest.mark.parametrize("method", ["info", "measurements"])
async def test_a_sensor_that_is_not_there(settings, autojump_clock, method):
    async with open_house(settings) as house:
        with pytest.raises(ClientError, match="no sensor 'x'") as error:
            house.call(method, sensor="x")
        assert error.value.status == 400


async def test_fields_of_a_job(settings, autojump_clock):
    async with open_house(settings) as house:
        await house.say(power=100, energy=10.0)
        house.printer_is("printing")
        house.sensors.begin_job()
        assert house.fields() == {"used": 0, "mean": None}
        await house.say(power=200, energy=10.1)
        house.printer_is("paused")
        await house.say(power=50, energy=10.2)
        house.printer_is("printing")
        await house.say(power=200, energy=10.30001)
        assert house.fields() == {"used": 0.2, "mean": 150.0}
        used, mean = house.sensors.values()
        assert (used.provider, used.units, used.report_total) == ("sensor meter", "kWh", True)
        assert (mean.provider, mean.description) == ("sensor meter", "power tracker")
        house.sensors.begin_job()
        assert house.fields() == {"used": 0, "mean": None}


async def test_a_job_goes_on_after_mrk_was_away(settings, autojump_clock):
    async with open_house(settings) as house:
        stored = [{"provider": "sensor meter", "name": "used", "value": 1.5}]
        house.sensors.resume_job(stored)
        await house.say(power=1, energy=100)
        await house.say(power=1, energy=101)
        assert house.fields()["used"] == 2.5


JUNK = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe\x00",
    "a list": b"[]",
    "a text": b'{"power": "warm"}',
    "NaN": b'{"power": NaN}',
    "infinity": b'{"power": -Infinity}',
    "large": b'{"power": 1e300}',
    "huge": b'{"power": ' + b"9" * 5000 + b"}",
    "deep": b'{"power": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "an object": b'{"power": {"a": 1}}',
    "half good": b'{"power": 7, "energy": "x"}',
    "10 MB": bytes(10_000_000),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
async def test_junk_is_logged_and_changes_nothing(settings, autojump_clock, caplog, junk):
    async with open_house(settings) as house:
        await house.say(power=1)
        house.sensors.begin_job()
        await house.say_raw(junk)
        assert house.values() == {"power": 1}
        assert house.fields()["mean"] is None
        (record,) = caplog.records
        assert record.message.startswith("sensor meter: a message is ")
        assert len(record.message) < 300
        await house.say(power=2)
        assert house.values() == {"power": 2}


async def test_what_came_behind_junk_is_read_at_once(settings, autojump_clock):
    async with open_house(settings) as house:
        house.mqtt.say(TOPIC, "junk")
        await house.say(power=2)
        assert house.values() == {"power": 2}


async def test_equal_complaints_come_ever_more_rarely(settings, autojump_clock, caplog):
    async with open_house(settings) as house:
        for number in range(1000):
            await house.say_raw(f"junk {number}")
            await trio.sleep(0.01)
        # After 1 s and after 5 s.
        assert len(caplog.records) == 3
        assert "(99 more since the last such line)" in caplog.messages[1]


async def test_names_from_the_payload_are_bounded(settings, autojump_clock, caplog):
    async with open_house(settings) as house:
        for number in range(100):
            await house.say_raw(f"name {number}", "any")
        await house.say_raw("x" * 100, "any")
        assert len(house.values("open")) == 32
        assert caplog.messages[0].endswith("more than 32 measurements of one sensor")


async def test_a_burst_is_read_whole_and_others_have_their_turn(settings, autojump_clock):
    async with open_house(settings) as house:
        house.printer_is("printing")
        house.sensors.begin_job()
        await house.say(power=0, energy=0)
        turns = 0
        for number in range(1, MOST_MESSAGES + 1):
            house.mqtt.say(TOPIC, json.dumps({"power": number, "energy": number}))
        house.mqtt.say("any", "quick")
        while house.values() != {"power": 1000, "energy": 1000}:
            turns += 1
            await trio.lowlevel.checkpoint()
            if turns == 5:
                assert house.values("open") == {"quick": 1}
        assert turns > 900
        assert house.fields() == {"used": 1000, "mean": 500.0}


async def test_more_than_a_burst_drops_the_oldest(settings, autojump_clock, caplog):
    async with open_house(settings) as house:
        house.sensors.begin_job()
        for number in range(3 * MOST_MESSAGES):
            house.mqtt.say(TOPIC, json.dumps({"power": number}))
        await trio.testing.wait_all_tasks_blocked()
        assert house.values() == {"power": 2999}
        assert house.fields()["mean"] == sum(range(2000, 3000)) / 1000
        assert len(caplog.records) == 1
        large = b'{"power": 1, "padding": "' + bytes(PAYLOAD_BYTES - 100) + b'"}'
        for _ in range(1000):
            house.mqtt.say(TOPIC, large)
        await trio.testing.wait_all_tasks_blocked()


async def test_messages_that_came_while_serve_was_away_are_read(settings, autojump_clock):
    house = House(settings)
    house.mqtt.say(TOPIC, '{"power": 3}')
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            with trio.CancelScope() as scope:
                await nursery.start(house.sensors.serve)
                await trio.sleep(1.5)
                scope.cancel()
        nursery.cancel_scope.cancel()
    assert house.values() == {"power": 3}


async def test_a_template_cannot_end_serve(settings, autojump_clock, caplog):
    caplog.set_level(logging.WARNING)
    bad = "{1 / 0}", "{undefined.attribute}", "{set_result(1, 2)}", "{set_result('a')}", "{[] + 1}"
    for text in bad:
        template = Templates().compile(text)
        changed = msgspec.structs.replace(settings[0], state_response_template=template)
        async with open_house((changed,)) as house:
            await house.say_raw("x")
            assert house.values() == {}
    assert len(caplog.records) == len(bad)
