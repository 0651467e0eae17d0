"""What the macros in a printer are told, in which order, and what happens when it goes."""

import pytest
import trio
import trio.testing

from mrk.errors import ClientError
from mrk.fanout import Fanout
from mrk.klippy.events import Disconnected, KlippyEvent, Ready
from mrk.timelapse.settings import LapseSettings
from nurseries.timelapse.macros import LapseMacros
from tests.fakes.no_klippy import NoKlippy

SETUP = "gcode_macro _SET_TIMELAPSE_SETUP"
TAKE, RENDER = "gcode_macro TIMELAPSE_TAKE_FRAME", "gcode_macro TIMELAPSE_RENDER"
RELEASED = "SET_GCODE_VARIABLE MACRO=TIMELAPSE_TAKE_FRAME VARIABLE=takingframe VALUE=False"
RENDERED = "SET_GCODE_VARIABLE MACRO=TIMELAPSE_RENDER VARIABLE=render VALUE=False"
STOP = "HYPERLAPSE ACTION=STOP"
SETTINGS = LapseSettings()


class Printer(NoKlippy):
    """A printer with some macros: `ran` is what it was told, while `busy` is not set."""

    klippy_state = "ready"

    def __init__(self) -> None:
        self.objects = [SETUP, TAKE, RENDER]
        self.waits = {TAKE: {"takingframe": False}, RENDER: {"render": False}}
        self.events: Fanout[KlippyEvent] = Fanout()
        self.ran: list[str] = []
        self.refuses = False
        self.free = trio.Event()
        self.free.set()

    def open_events(self, name, size, *kinds):
        return self.events.open_reader(name, size, *kinds)

    async def call(self, method, params=None):
        await trio.lowlevel.checkpoint()
        if method == "objects/list":
            return {"objects": self.objects}
        return {"status": {name: self.waits[name] for name in params["objects"]}}

    async def run_gcode(self, script):
        await self.free.wait()
        self.ran.append(script)
        if self.refuses:
            raise ClientError("Unknown command")

    async def start_print(self, filename, user=None):
        raise AssertionError(filename)


class Bench:
    def __init__(self) -> None:
        self.printer = Printer()
        self.macros = LapseMacros(self.printer, self.printer)
        self.greeted = 0

    def greet(self) -> None:
        self.greeted += 1

    async def ran(self) -> list[str]:
        await trio.testing.wait_all_tasks_blocked()
        ran, self.printer.ran = self.printer.ran, []
        return ran


@pytest.fixture
async def bench(nursery, autojump_clock):
    bench = Bench()
    nursery.start_soon(bench.macros.serve, bench.greet)
    await trio.testing.wait_all_tasks_blocked()
    return bench


async def test_a_printer_that_is_ready_is_greeted_and_each_time_it_is_again(bench):
    assert (bench.greeted, bench.macros.missing, await bench.ran()) == (1, "", [])
    bench.printer.events.publish(Disconnected())
    bench.printer.events.publish(Ready())
    await trio.testing.wait_all_tasks_blocked()
    assert bench.greeted == 2


async def test_macros_that_wait_for_an_earlier_run_go_on(bench):
    bench.printer.waits = {TAKE: {"takingframe": True}, RENDER: {"render": True}}
    bench.printer.events.publish(Ready())
    assert await bench.ran() == [RELEASED, RENDERED]
    bench.printer.objects.remove(TAKE)
    bench.printer.events.publish(Ready())
    assert await bench.ran() == [RENDERED]


async def test_without_the_macros_nothing_is_sent_until_they_are_there(bench):
    bench.printer.objects.remove(SETUP)
    bench.printer.waits[TAKE] = {"takingframe": True}
    bench.printer.events.publish(Ready())
    await trio.testing.wait_all_tasks_blocked()
    assert "timelapse.cfg" in bench.macros.missing
    bench.macros.set_up(SETTINGS)
    bench.macros.release_after(0.1)
    await trio.sleep(1)
    assert await bench.ran() == []
    bench.printer.objects.append(SETUP)
    bench.printer.events.publish(Ready())
    assert await bench.ran() == [RELEASED]
    assert bench.macros.missing == ""


async def test_a_printer_that_is_busy_is_told_the_newest_of_each_kind(bench):
    bench.printer.free = trio.Event()
    bench.macros.stop_hyperlapse()
    await trio.testing.wait_all_tasks_blocked()
    bench.macros.set_up(SETTINGS)
    bench.macros.start_hyperlapse(SETTINGS)
    bench.macros.set_up(LapseSettings(parkhead=True))
    bench.printer.free.set()
    first, second, third = await bench.ran()
    assert (first, second) == (STOP, "HYPERLAPSE ACTION=START CYCLE=30")
    assert third.startswith("_SET_TIMELAPSE_SETUP ")
    assert "PARK_ENABLE=True" in third


async def test_frames_that_would_come_too_fast_are_not_begun(bench, caplog):
    bench.macros.start_hyperlapse(LapseSettings(hyperlapse_cycle=5, park_time=4.5))
    assert await bench.ran() == []
    assert "hyperlapse_cycle is too short" in caplog.text


async def test_the_head_goes_back_after_the_first_of_several_calls(bench):
    bench.macros.release_after(2.0)
    await trio.sleep(1.5)
    bench.macros.release_after(2.0)
    assert await bench.ran() == []
    await trio.sleep(0.6)
    assert await bench.ran() == [RELEASED]
    bench.macros.release_after(0.5)
    await trio.sleep(0.6)
    assert await bench.ran() == [RELEASED]


async def test_what_waits_is_not_for_the_printer_that_comes_back(bench):
    bench.printer.free = trio.Event()
    bench.macros.stop_hyperlapse()
    await trio.testing.wait_all_tasks_blocked()
    bench.macros.rendered()
    bench.printer.events.publish(Disconnected())
    await trio.testing.wait_all_tasks_blocked()
    bench.printer.free.set()
    assert await bench.ran() == [STOP]


async def test_a_command_that_fails_holds_up_no_other(bench):
    bench.printer.refuses = True
    bench.macros.set_up(SETTINGS)
    bench.macros.rendered()
    assert (await bench.ran())[1:] == [RENDERED]
    bench.macros.stop_hyperlapse()
    assert await bench.ran() == [STOP]
