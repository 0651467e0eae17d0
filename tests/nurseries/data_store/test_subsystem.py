import trio
from trio.testing import MockClock

from mrk.api.caller import Caller, Transport
from mrk.klippy.events import GcodeResponse
from tests.fakes.house import notes, open_house


async def test_one_sample_a_second(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        assert await house.call("server.temperature_store") == {}
        await house.until_ready()
        await trio.sleep(2.5)
        await house.klippy.send(house.klippy.change({"extruder": {"temperature": 60.126}}))
        await trio.sleep(1)
        store = await house.call("server.temperature_store")
        assert store == {
            "extruder": {
                "temperatures": [20.0, 20.0, 60.13],
                "targets": [0.0] * 3,
                "powers": [0.0] * 3,
            }
        }


async def test_series_go_on_through_a_restart(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.up = False
        await trio.sleep(1.5)
        await house.klippy.close()
        await trio.sleep(3)
        house.klippy.up = True
        house.klippy.status["extruder"]["temperature"] = 50.0
        await house.until_ready()
        await trio.sleep(2)
        store = await house.call("server.temperature_store")
        assert store["extruder"]["temperatures"] == [20.0] * 4 + [50.0] * 2


async def test_monitors_are_shown_when_asked_for(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        await trio.sleep(1.5)
        store = await house.call("server.temperature_store", {"include_monitors": "true"})
        assert store["tmc x"] == {"temperatures": [None]}


async def test_a_burst_of_console_lines_is_kept(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        await house.klippy.say(*(f"line {number}" for number in range(3000)))
        await house.settle()
        store = await house.call("server.gcode_store", {"count": "2"})
        assert store["gcode_store"] == [
            {"message": "line 2998", "time": 1_700_000_000.0, "type": "response"},
            {"message": "line 2999", "time": 1_700_000_000.0, "type": "response"},
        ]
        assert len((await house.call("server.gcode_store"))["gcode_store"]) == 1000


async def test_a_line_that_was_told_is_in_the_store(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        house.link._publish(GcodeResponse("told"))
        # No other task has run: a client may ask before any does.
        assert ("notify_gcode_response", ["told"]) in notes(client)
        method = house.table.method("server.gcode_store", Transport.WEBSOCKET)
        answer = method.call({"count": 1}, Caller(Transport.WEBSOCKET))
        assert [entry.message for entry in answer.gcode_store] == ["told"]


async def test_a_klipper_that_stands_still_when_it_is_ready(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.klippy.wait_for("objects/list")
        house.klippy.silent.add("objects/subscribe")
        # One for the webhooks was answered.
        asked = await house.klippy.wait_for("objects/subscribe", 2)
        await trio.sleep(60)
        assert await house.call("server.temperature_store") == {}
        house.klippy.silent.clear()
        await house.klippy.answer(asked)
        await trio.sleep(2.5)
        store = await house.call("server.temperature_store")
        assert store["extruder"]["temperatures"] == [20.0, 20.0]
