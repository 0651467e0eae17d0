from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.klippy.events import (
    Disconnected,
    EndpointsListed,
    GcodeResponse,
    Identified,
    Ready,
    Shutdown,
    Started,
)
from tests.fakes.house import notes, open_house
from tests.fakes.klippy import FakeKlippy, Refused


async def test_start_up_sequence(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        assert house.link.klippy_state == "disconnected"
        assert not house.link.klippy_connected
        client = house.client()
        with house.link.open_events(
            "test", 50, Identified, EndpointsListed, Started, Ready
        ) as events:
            await house.until_ready()
            kinds = [type(await anext(events)).__name__ for _ in range(5)]
        assert kinds == ["Identified", "EndpointsListed", "EndpointsListed", "Started", "Ready"]
        ours = list(house.klippy.methods())[:6]
        assert ours == [
            "info",
            "list_endpoints",
            "objects/subscribe",
            "gcode/subscribe_output",
            "list_endpoints",
            "objects/list",
        ]
        info = house.klippy.asked("info")[0]
        assert info["client_info"]["program"] == "Moonraker"
        assert house.link.info["process_id"] == 812
        assert house.link.virtual_sd_path == "/gcodes"
        assert house.link.missing_klippy_requirements == []
        assert house.klippy.templates == {
            "status": {"method": "process_status_update"},
            "output": {"method": "process_gcode_response"},
        }
        assert notes(client) == [("notify_klippy_ready", [])]


async def test_startup_is_polled_every_quarter_second(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.state = "startup"
    async with open_house(klippy) as house:
        await trio.sleep(1.1)
        assert house.link.klippy_state == "startup"
        assert house.link.klippy_connected
        assert len(klippy.asked("info")) == 5
        assert [bool(params) for params in klippy.asked("info")] == [True, *[False] * 4]
        assert klippy.asked("objects/subscribe") == []
        assert await house.call("printer.emergency_stop") == "ok"
        klippy.state = "ready"
        await house.until_ready()


async def test_the_socket_is_polled_until_klipper_comes(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.up = False
    async with open_house(klippy) as house:
        await trio.sleep(5)
        assert house.link.klippy_state == "disconnected"
        klippy.up = True
        with trio.fail_after(0.6):
            await house.until_ready()


@pytest.mark.parametrize("state", ["error", "shutdown", "busy_of_a_fork"])
async def test_a_printer_that_is_not_ready(state: str, autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.state = state
    klippy.status["webhooks"]["state"] = state
    async with open_house(klippy) as house:
        house.link.register_remote_method("beep", lambda: None)
        client = house.client()
        await trio.sleep(2)
        assert house.link.klippy_state == state
        assert len(klippy.asked("info")) == 1
        assert klippy.asked("register_remote_method") == []
        assert notes(client) == []


async def test_errors_of_info_keep_polling(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    answer = klippy.answers["info"]

    def refuse(_params: Any) -> Any:
        raise Refused("not yet")

    klippy.answers["info"] = refuse
    async with open_house(klippy) as house:
        await trio.sleep(1.1)
        assert len(klippy.asked("info")) == 5
        assert all("client_info" in params for params in klippy.asked("info"))
        klippy.answers["info"] = answer
        await house.until_ready()


@pytest.mark.parametrize("info", [{}, {"state": None}, [], "text", {"state": 5, "x": {}}])
async def test_an_info_without_state_keeps_polling(info: Any, autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.answers["info"] = lambda _params: info
    async with open_house(klippy) as house:
        await trio.sleep(1.1)
        assert house.link.klippy_state == "startup"
        assert len(klippy.asked("info")) == 5


async def test_a_fork_that_refuses_what_is_optional_becomes_ready(
    autojump_clock: MockClock,
) -> None:
    klippy = FakeKlippy()

    def refuse(_params: Any) -> Any:
        raise Refused("No registered callback")

    for method in ("gcode/subscribe_output", "objects/list", "list_endpoints"):
        klippy.answers[method] = refuse
    async with open_house(klippy) as house:
        with trio.fail_after(15):
            await house.until_ready()


async def test_missing_requirements_are_reported_until_disconnect(
    autojump_clock: MockClock,
) -> None:
    klippy = FakeKlippy()
    del klippy.status["display_status"], klippy.status["virtual_sdcard"]
    async with open_house(klippy) as house:
        await house.until_ready()
        assert house.link.missing_klippy_requirements == ["virtual_sdcard", "display_status"]
        assert house.link.virtual_sd_path is None
        await klippy.close()
        await house.settle()
        assert house.link.missing_klippy_requirements == []


async def test_shutdown_is_announced_once(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        with house.link.open_events("test", 9, Shutdown) as events:
            webhooks = {"webhooks": {"state": "shutdown", "state_message": "why"}}
            await house.klippy.send(house.klippy.change(webhooks))
            await house.klippy.send(house.klippy.change(webhooks))
            await house.settle()
            assert await anext(events) == Shutdown("why")
        assert house.link.klippy_state == "shutdown"
        assert house.link.klippy_message == "why"
        assert notes(client) == [("notify_klippy_shutdown", [])]


async def test_shutdown_during_set_up_is_announced_at_its_end(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.silent.add("objects/list")
    async with open_house(klippy) as house:
        client = house.client()
        request = await klippy.wait_for("objects/list")
        await klippy.send(klippy.change({"webhooks": {"state": "shutdown"}}))
        await house.settle()
        assert house.link.klippy_state == "startup"
        assert notes(client) == []
        await klippy.answer(request)
        await house.settle()
        assert house.link.klippy_state == "shutdown"
        assert notes(client) == [("notify_klippy_shutdown", [])]


async def test_a_fork_becomes_ready_through_webhooks(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.state = "warming"
    klippy.status["webhooks"]["state"] = "warming"
    async with open_house(klippy) as house:
        client = house.client()
        await trio.sleep(1)
        assert house.link.klippy_state == "warming"
        await klippy.send(klippy.change({"webhooks": {"state": "ready"}}))
        await house.settle()
        assert house.link.klippy_state == "ready"
        assert house.link.virtual_sd_path == "/gcodes"
        assert notes(client) == [("notify_klippy_ready", [])]


async def test_remote_methods_are_registered_at_each_ready(autojump_clock: MockClock) -> None:
    calls = []
    async with open_house() as house:
        house.link.register_remote_method("beep", lambda frequency: calls.append(frequency))
        await house.until_ready()
        beep = {"remote_method": "beep", "response_template": {"method": "beep"}}
        assert house.klippy.asked("register_remote_method") == [beep]
        house.link.register_remote_method("late", lambda: None)
        await house.settle()
        assert house.klippy.asked("register_remote_method")[1]["remote_method"] == "late"
        await house.klippy.close()
        await house.settle()
        await house.until_ready()
        assert len(house.klippy.asked("register_remote_method")) == 4
        await house.klippy.send({"method": "beep", "params": {"frequency": 440}})
        await house.settle()
        assert calls == [440]


async def test_calls_that_fail_hurt_nobody(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.link.register_remote_method("bug", lambda: 1 / 0)
        await house.klippy.send(
            {"method": "bug", "params": {}},
            {"method": "bug", "params": {"wrong": 1}},
            {"method": "unknown"},
        )
        await house.settle()
        assert await house.call("printer.gcode.help") == {"G28": "Home"}
        assert "remote method bug failed" in caplog.text
        assert "unknown remote method" in caplog.text


async def test_console_lines_and_events(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        with house.link.open_events("test", 5, GcodeResponse, Disconnected) as events:
            await house.klippy.say("// one", "!! two")
            await house.settle()
            await house.klippy.close()
            await house.settle()
            assert [await anext(events) for _ in range(3)] == [
                GcodeResponse("// one"),
                GcodeResponse("!! two"),
                Disconnected(),
            ]
        assert notes(client) == [
            ("notify_gcode_response", ["// one"]),
            ("notify_gcode_response", ["!! two"]),
            ("notify_klippy_disconnected", []),
        ]
