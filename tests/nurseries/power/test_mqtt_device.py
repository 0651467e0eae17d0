"""A switch behind a broker: first state, commands, queries, and a broker that comes and goes."""

import contextlib

import msgspec
import pytest
import trio
import trio.testing

from config.settings.power_drivers import MqttSwitchSettings
from config.template_errors import TemplateFailed
from mrk.power.states import DriverFailed, PowerState
from nurseries.power.drivers.mqtt_device import PAYLOAD_BYTES, MqttDriver
from tests.fakes.mqtt_port import FakeMqtt

ON, OFF, INIT, ERROR = PowerState.ON, PowerState.OFF, PowerState.INIT, PowerState.ERROR


class Template:
    """Renders what `make` makes of the context."""

    def __init__(self, make):
        self._make = make

    def render(self, **context):
        return self._make(context)


PLAIN = MqttSwitchSettings(
    command_topic="cmnd",
    command_payload=Template(lambda context: context["command"].upper()),
    retain_command_state=False,
    state_topic="stat",
    state_response_template=None,
    state_timeout_s=2.0,
    query_topic=None,
    query_payload=None,
    query_after_command=False,
    qos=1,
)
ASKED = msgspec.structs.replace(PLAIN, query_topic="ask", query_payload=Template(lambda _: "?"))


class Switch:
    """A driver that runs, the broker, and the states that it reported."""

    def __init__(self, **options):
        self.mqtt = FakeMqtt()
        base = ASKED if options.pop("asked", False) else PLAIN
        self.driver = MqttDriver("a", msgspec.structs.replace(base, **options), self.mqtt)
        self.told: list[PowerState] = []

    @contextlib.asynccontextmanager
    async def running(self):
        async with trio.open_nursery() as nursery:
            await nursery.start(self.driver.run, self.told.append)
            await self.settle()
            yield self
            nursery.cancel_scope.cancel()

    async def settle(self):
        await trio.testing.wait_all_tasks_blocked()

    def answers(self, *payloads):
        """The device says these to whatever is published next."""
        publish = self.mqtt.publish

        async def published(topic, payload, qos=None, retain=False):
            await publish(topic, payload, qos, retain)
            self.mqtt.publish = publish
            for payload in payloads:
                self.mqtt.say("stat", payload)

        self.mqtt.publish = published

    @property
    def sent(self):
        found, self.mqtt.published[:] = [(t, p) for t, p, _, _ in self.mqtt.published], []
        return found


async def test_a_retained_state(autojump_clock):
    switch = Switch()
    switch.mqtt.say("stat", "on")
    async with switch.running():
        assert switch.told == [ON]
        assert await switch.driver.status() is ON
        assert switch.mqtt.wanted == {"stat": 1}
        switch.mqtt.say("stat", " OFF ")
        assert switch.told == [ON, OFF]
        assert switch.sent == []


async def test_a_device_that_says_nothing(autojump_clock):
    async with Switch().running() as switch:
        assert switch.told == [INIT]
        await trio.sleep(1.9)
        assert switch.told == [INIT]
        await trio.sleep(0.2)
        assert switch.told == [INIT, ERROR]
        switch.mqtt.say("stat", "off")
        assert switch.told == [INIT, ERROR, OFF]


async def test_a_device_that_is_asked_until_it_answers(autojump_clock):
    async with Switch(asked=True).running() as switch:
        await trio.sleep(9)  # 2 s for an answer, and 2 s between two questions
        assert switch.sent == [("ask", b"?")] * 3
        assert switch.told == [INIT]
        switch.mqtt.say("stat", "on")
        await trio.sleep(60)
        assert (switch.told, switch.sent) == ([INIT, ON], [])


@pytest.mark.parametrize("payload", [b"\xff", "maybe", ""])
async def test_messages_that_say_no_state(autojump_clock, payload):
    switch = Switch()
    switch.mqtt.say("stat", "on")
    async with switch.running():
        switch.mqtt.say("stat", payload)
        assert switch.told == [ON, ERROR]
        switch.mqtt.say("stat", "discard")
        switch.mqtt.say("stat", b"x" * (PAYLOAD_BYTES + 1))
        assert switch.told == [ON, ERROR]


async def test_what_the_template_of_an_answer_is_told(autojump_clock):
    seen = []

    def make(context):
        seen.append((context["payload"], context["last_request"], context["response_count"]))
        if context["payload"] == "broken":
            raise TemplateFailed("no")
        return context["payload"]

    switch = Switch(asked=True, state_response_template=Template(make))
    switch.mqtt.say("stat", "off")
    async with switch.running():
        switch.answers("discard", "on")
        assert await switch.driver.switch(True) is ON
        switch.mqtt.say("stat", "on")
        switch.answers("off")
        assert await switch.driver.switch(False) is OFF
        switch.mqtt.say("stat", "broken")
        switch.answers("off")
        assert await switch.driver.status() is OFF
    assert seen == [
        ("off", "", 1),
        ("discard", "power_on", 1),
        ("on", "power_on", 2),
        ("on", "", 3),
        ("off", "power_off", 1),
        ("broken", "", 2),
        ("off", "refresh", 1),
    ]
    assert switch.told == [OFF, ON, ON, OFF, ERROR, OFF]


@pytest.mark.parametrize("retained", [False, True])
async def test_a_command(autojump_clock, retained):
    switch = Switch(retain_command_state=retained)
    switch.mqtt.say("stat", "off")
    async with switch.running():
        switch.answers("on")
        assert await switch.driver.switch(True) is ON
        assert switch.mqtt.published == [("cmnd", b"ON", 1, retained)]
        # What the device reports counts, also where that is something else.
        switch.answers("on")
        assert await switch.driver.switch(False) is ON


@pytest.mark.parametrize("after", [False, True])
async def test_a_command_that_is_asked_after(autojump_clock, after):
    switch = Switch(asked=True, query_after_command=after)
    switch.mqtt.say("stat", "off")
    async with switch.running():
        switch.answers("on")
        await switch.driver.switch(True)
        assert switch.sent == [("cmnd", b"ON"), *([("ask", b"?")] if after else [])]
        switch.answers("on")
        assert await switch.driver.status() is ON
        assert switch.sent == ([("ask", b"?")] if after else [])


async def test_commands_that_fail(autojump_clock):
    switch = Switch()
    switch.mqtt.say("stat", "off")
    async with switch.running():
        began = trio.current_time()
        with pytest.raises(DriverFailed, match="Failed to set device to state 'on'") as failed:
            await switch.driver.switch(True)
        assert (failed.value.status, failed.value.state) == (500, ERROR)
        assert trio.current_time() - began == 2.0
        switch.answers("what")
        with pytest.raises(DriverFailed, match="Failed to set device to state 'off'"):
            await switch.driver.switch(False)
        assert trio.current_time() - began == 2.0
        # There is nothing to ask it by.
        assert await switch.driver.status() is ERROR
        assert switch.sent == [("cmnd", b"ON"), ("cmnd", b"OFF")]
        assert switch.driver.least_s == 2.0


async def test_a_payload_whose_template_fails(autojump_clock):
    def fail(_context):
        raise TemplateFailed("no such secret")

    switch = Switch(command_payload=Template(fail))
    switch.mqtt.say("stat", "off")
    async with switch.running():
        with pytest.raises(DriverFailed, match="the template of its payload fails") as failed:
            await switch.driver.switch(True)
        assert failed.value.status == 500
        assert switch.sent == []


async def test_a_query_that_is_not_answered(autojump_clock):
    switch = Switch(asked=True, query_after_command=True)
    switch.mqtt.say("stat", "off")
    async with switch.running():
        with pytest.raises(DriverFailed, match="no answer within 2 s") as failed:
            await switch.driver.status()
        assert failed.value.status == 500


async def test_a_query_without_a_payload(autojump_clock):
    async with Switch(asked=True, query_payload=None).running() as switch:
        assert switch.sent == [("ask", b"")]


async def test_a_broker_that_is_away(autojump_clock):
    switch = Switch(asked=True)
    switch.mqtt.mqtt_connected = False
    async with switch.running():
        assert switch.told == []
        for ask in (switch.driver.status, lambda: switch.driver.switch(True)):
            with pytest.raises(DriverFailed, match="MQTT Not Connected") as failed:
                await ask()
            assert failed.value.status == 503
        switch.mqtt.connect(True)
        await switch.settle()
        assert (switch.told, switch.sent) == ([INIT], [("ask", b"?")])
        switch.mqtt.say("stat", "on")
        switch.mqtt.connect(False)
        await switch.settle()
        assert switch.told == [INIT, ON, ERROR]
        await trio.sleep(60)
        switch.mqtt.connect(True)
        await switch.settle()
        assert (switch.told, switch.sent) == ([INIT, ON, ERROR, INIT], [("ask", b"?")])


async def test_a_broker_that_is_lost_while_the_device_is_awaited(autojump_clock):
    switch = Switch()
    switch.mqtt.say("stat", "off")
    async with switch.running():

        async def lose():
            await trio.sleep(0.5)
            switch.mqtt.connect(False)

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose)
            with pytest.raises(DriverFailed, match="MQTT Disconnected") as lost:
                await switch.driver.switch(True)
        assert (lost.value.status, trio.current_time() - began) == (503, 0.5)


async def test_a_broker_that_is_lost_while_the_first_state_is_awaited(autojump_clock):
    async with Switch(asked=True).running() as switch:
        await trio.sleep(0.5)
        switch.mqtt.connect(False)
        await trio.sleep(10)
        switch.mqtt.connect(True)
        await switch.settle()
        switch.mqtt.say("stat", "on")
        assert switch.told[-1] is ON
