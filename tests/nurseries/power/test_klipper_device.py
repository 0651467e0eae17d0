"""A printer object as a power device: what is told of it, and of others."""

import trio
import trio.testing

from mrk.klippy.events import Shutdown
from mrk.power.klipper_object import KlipperObject
from mrk.power.states import PowerState
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
