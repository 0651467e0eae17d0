"""A printer object as a power device: what is told of it, and of others."""

import contextlib

import pytest
import trio
import trio.testing

from mrk.errors import ClientError
from mrk.klippy.events import Disconnected, Ready, Shutdown, Started
from mrk.power.klipper_object import KlipperObject
from mrk.power.states import DriverFailed, PowerState
from mrk.status.update import StatusUpdate
from nurseries.power.drivers.klipper_device import EVENTS, KlipperDriver
from tests.fakes.extruder_klippy import ExtruderKlippy

LIGHT = KlipperObject("output_pin light", is_macro=False, name="light")


class WithoutLight(ExtruderKlippy):
    """Answers for what it does not have as Klipper does: `{}`, or null for each field asked."""

    async def call(self, method, params=None):
        await trio.lowlevel.checkpoint()
        asked = params["objects"].items()
        status = {name: dict.fromkeys(fields or ()) for name, fields in asked}
        return {"eventtime": 1.0, "status": status}


def changed(**objects):
    return StatusUpdate({"fan": {"speed": 0.5}, **objects}, 1.0)


async def test_what_klipper_tells_of_other_objects_wakes_nobody(autojump_clock):
    klippy = ExtruderKlippy()
    driver = KlipperDriver(LIGHT, klippy, klippy)
    told: list[PowerState] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.run, told.append)
        await trio.testing.wait_all_tasks_blocked()
        # Each would wait in the reader, which holds no more.
        klippy.say(changed() for _ in range(EVENTS + 1))
        klippy.say([changed(**{LIGHT.object_name: {"value": 1.0}})])
        klippy.say([changed(**{LIGHT.object_name: {"pwm": True}})])
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert told == [PowerState.ERROR, PowerState.ON]


async def test_an_object_that_the_printer_does_not_have_is_not_off(autojump_clock):
    klippy = WithoutLight()
    driver = KlipperDriver(LIGHT, klippy, klippy)
    told: list[PowerState] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.run, told.append)
        await trio.testing.wait_all_tasks_blocked()
        asked = await driver.status()
        nursery.cancel_scope.cancel()
    assert (told, asked) == ([PowerState.ERROR], PowerState.ERROR)


async def test_a_printer_in_shutdown_does_not_say_how_the_device_stands(autojump_clock):
    klippy = ExtruderKlippy()
    driver = KlipperDriver(LIGHT, klippy, klippy)
    told: list[PowerState] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.run, told.append)
        await trio.testing.wait_all_tasks_blocked()
        klippy.say([changed(**{LIGHT.object_name: {"value": 1.0}})])
        klippy.say([Shutdown(), changed(**{LIGHT.object_name: {"value": 0.0}})])
        await trio.testing.wait_all_tasks_blocked()
        state = await driver.status()
        nursery.cancel_scope.cancel()
    assert (told[-1], state, driver.is_shutdown) == (PowerState.ERROR, PowerState.ERROR, True)


class PrinterWithLight(ExtruderKlippy):
    """Its pin is at `value`, and follows g-code unless it is `deaf`; `refused` is an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.value: object = 0.0
        self.deaf = False
        self.refused: ClientError | None = None
        self.scripts: list[str] = []

    async def subscribe(self, objects):
        return await self._status(objects)

    async def call(self, method, params=None):
        assert method == "objects/query"
        return {"eventtime": 1.0, "status": await self._status(params["objects"])}

    async def _status(self, objects):
        await trio.lowlevel.checkpoint()
        if self.refused is not None:
            raise self.refused
        assert objects == {LIGHT.object_name: None}
        return {LIGHT.object_name: {"value": self.value}}

    async def run_gcode(self, script):
        await trio.lowlevel.checkpoint()
        self.scripts.append(script)
        if self.refused is not None:
            raise self.refused
        if not self.deaf:
            self.value = float(script.endswith("1"))
            self.say([changed(**{LIGHT.object_name: {"value": self.value}})])

    def become(self, state, event):
        self.state = state
        self.say([event])


@contextlib.asynccontextmanager
async def lit(state="ready"):
    klippy = PrinterWithLight()
    klippy.state = state
    driver = KlipperDriver(LIGHT, klippy, klippy)
    told: list[PowerState] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.run, told.append)
        await trio.testing.wait_all_tasks_blocked()
        yield klippy, driver, told
        nursery.cancel_scope.cancel()


async def test_what_it_is_while_klipper_comes_and_goes(autojump_clock):
    settle = trio.testing.wait_all_tasks_blocked
    async with lit() as (klippy, driver, told):
        klippy.value = 0.7
        for state, event in (
            ("disconnected", Disconnected()),
            ("ready", Ready()),
            ("shutdown", Shutdown()),
            ("disconnected", Disconnected()),
            ("shutdown", Started("shutdown")),
            ("disconnected", Disconnected()),
            ("error", Started("error")),
        ):
            klippy.become(state, event)
            await settle()
        off, on, init, error = PowerState.OFF, PowerState.ON, PowerState.INIT, PowerState.ERROR
        assert told == [off, init, on, error, init, error, init]
        assert not driver.is_shutdown
        # A subscription that fails is looked at again when somebody asks.
        klippy.refused = ClientError("Klippy is busy", 503)
        klippy.become("ready", Ready())
        await settle()
        assert told[-1] is error
        with pytest.raises(DriverFailed, match="Klippy is busy"):
            await driver.status()
        klippy.refused = None
        assert await driver.status() is on
        # What is known is not asked.
        klippy.value = 0.0
        assert await driver.status() is on


async def test_before_klipper_is_there(autojump_clock):
    async with lit("startup") as (_klippy, driver, told):
        assert (told, driver.is_shutdown) == ([], False)
        assert await driver.status() is PowerState.INIT


async def test_where_klipper_was_in_shutdown_before(autojump_clock):
    async with lit("shutdown") as (klippy, driver, told):
        assert (told, driver.is_shutdown) == ([PowerState.ERROR], True)
        with pytest.raises(DriverFailed, match="when Klipper is shutdown"):
            await driver.switch(True)
        assert klippy.scripts == []
        klippy.value = 1.0
        assert await driver.status() is PowerState.ERROR


async def test_switching(autojump_clock):
    async with lit() as (klippy, driver, told):
        assert await driver.switch(True) is PowerState.ON
        assert await driver.switch(False) is PowerState.OFF
        assert klippy.scripts == ["SET_PIN PIN=light VALUE=1", "SET_PIN PIN=light VALUE=0"]
        assert told == [PowerState.OFF, PowerState.ON, PowerState.OFF]


async def test_switches_that_fail(autojump_clock):
    async with lit() as (klippy, driver, _told):
        klippy.deaf = True
        began = trio.current_time()
        with pytest.raises(DriverFailed, match="Timeout waiting") as late:
            await driver.switch(True)
        assert (late.value.state, trio.current_time() - began) == (PowerState.ERROR, 1.0)
        klippy.refused = ClientError("Unknown command", 400)
        with pytest.raises(DriverFailed, match="Unknown command") as refused:
            await driver.switch(True)
        assert refused.value.state is PowerState.ERROR
        klippy.become("disconnected", Disconnected())
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(DriverFailed) as away:
            await driver.switch(True)
        # Without Klipper nothing is known; that is no error of the device.
        assert away.value.state is PowerState.INIT


async def test_klipper_goes_away_while_its_word_is_awaited(autojump_clock):
    async with lit() as (klippy, driver, _told):
        klippy.deaf = True

        async def leave():
            await trio.sleep(0.5)
            klippy.become("disconnected", Disconnected())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(leave)
            with pytest.raises(DriverFailed, match="Klipper went away") as away:
                await driver.switch(True)
        assert away.value.state is PowerState.INIT
