"""Power devices over scripted drivers: requests, locks, timers, what follows, what hangs."""

import itertools
from typing import Any

import msgspec
import pytest
import trio

from mrk.errors import Transient
from mrk.power.states import DriverFailed, PowerState
from tests.fakes.power_house import PowerHouse, ScriptedDriver

ON, OFF, INIT, ERROR = PowerState.ON, PowerState.OFF, PowerState.INIT, PowerState.ERROR


@pytest.fixture
def house():
    return PowerHouse()


async def test_the_first_state_is_told(autojump_clock, house):
    house.add("psu", ScriptedDriver(ON), locked_while_printing=True)
    async with house.running():
        assert house.told() == [("psu", "on")]
        (shown,) = (await house.call("devices")).devices
    assert (shown.device, shown.status, shown.type) == ("psu", "on", "gpio")
    assert shown.locked_while_printing


async def test_switching(autojump_clock, house):
    psu = house.add("psu")
    async with house.running():
        house.told()
        assert await house.call("post_device", {"device": "psu", "action": "ON"}) == {"psu": "on"}
        assert await house.call("get_device", {"device": "psu"}) == {"psu": "on"}
        assert await house.call("off", {"psu": None}) == {"psu": "off"}
        assert house.told() == [("psu", "on"), ("psu", "off")]
        # Nothing to do: nothing is switched, and nobody is told.
        assert await house.call("off", {"psu": None}) == {"psu": "off"}
        assert house.told() == []
    assert psu.switched == ["on", "off"]


async def test_toggle_from_error_gives_off(autojump_clock, house):
    psu = house.add("psu")
    async with house.running():
        psu.failure = DriverFailed("away")
        assert await house.call("status", {"psu": None}) == {"psu": "error"}
        error = await house.refused("post_device", {"device": "psu", "action": "toggle"})
        assert (error.status, error.message) == (400, "Power device psu: away")
        psu.failure = None
        psu.state = ERROR
        assert await house.call("post_device", {"device": "psu", "action": "toggle"}) == {
            "psu": "off"
        }


async def test_what_is_not_configured(autojump_clock, house):
    house.add("psu")
    async with house.running():
        for method in ("status", "on", "off"):
            assert (await house.call(method, {"x": None})) == {"x": "device_not_found"}
            assert (await house.refused(method, {})).status == 400
        assert (await house.refused("get_device", {"device": "x"})).status == 400
        error = await house.refused("post_device", {"device": "psu", "action": "status"})
        assert "on, off or toggle expected" in error.message
        many = {f"d{n}": None for n in range(1001)}
        assert "at most 1000" in (await house.refused("on", many)).message


async def test_a_failed_switch_is_told(autojump_clock, house):
    psu = house.add("psu")
    async with house.running():
        house.told()
        psu.switch_failure = DriverFailed("relay stuck")
        error = await house.refused("on", {"psu": None})
        assert (error.status, error.message) == (400, "Power device psu: relay stuck")
        assert house.told() == [("psu", "error")]


async def test_a_device_that_hangs_holds_up_nobody(autojump_clock, house):
    stuck = house.add("stuck", timeout_s=5.0)
    house.add("psu")
    async with house.running():
        stuck.hangs = True
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.refused, "on", {"stuck": None})
            await house.settle()
            assert (await house.call("on", {"psu": None})) == {"psu": "on"}
            assert len((await house.call("devices")).devices) == 2
            assert trio.current_time() == began
        assert trio.current_time() - began <= 5.0
        error = await house.refused("on", {"stuck": None})
        assert "has not answered within 4.75 s" in error.message
        assert await house.call("status", {"stuck": None}) == {"stuck": "error"}
        stuck.hangs = False
        assert await house.call("status", {"stuck": None}) == {"stuck": "off"}


async def test_a_thousand_requests_for_one_device(autojump_clock, house):
    psu = house.add("psu")
    answers = []
    async with house.running():
        psu.slow_s = 0.5

        async def ask():
            answers.append(await house.call("on", {"psu": None}))

        async with trio.open_nursery() as nursery:
            for _ in range(1000):
                nursery.start_soon(ask)
    assert answers == [{"psu": "on"}] * 1000
    assert psu.switched == ["on"]
    assert psu.most_at_once == 1


async def test_a_hundred_toggles_are_bounded(autojump_clock, house):
    psu = house.add("psu")
    answers = []
    async with house.running():
        psu.slow_s = 0.1

        async def ask():
            arguments = {"device": "psu", "action": "toggle"}
            try:
                answers.append((await house.call("post_device", arguments))["psu"])
            except Exception as exc:
                answers.append(exc.status)

        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(ask)
    assert answers.count(429) == 84
    assert [one for one in answers if one != 429] == ["on", "off"] * 8


async def test_two_clients_see_both_states_in_order(autojump_clock, house):
    psu = house.add("psu")
    answers = []
    async with house.running():
        house.told()
        psu.slow_s = 0.2

        async def ask(method):
            answers.append((await house.call(method, {"psu": None}))["psu"])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "on")
            await house.settle()
            nursery.start_soon(ask, "off")
        assert answers == ["on", "off"]
        assert house.told() == [("psu", "on"), ("psu", "off")]


async def test_a_client_that_leaves_does_not_stop_the_switch(autojump_clock, house):
    psu = house.add("psu")
    async with house.running():
        psu.slow_s = 1.0
        with trio.move_on_after(0.1):
            await house.call("on", {"psu": None})
        await trio.sleep(3)
        assert psu.state is ON


async def test_a_batch_keeps_what_was_done_before_an_error(autojump_clock, house):
    first, second, third = (house.add(name) for name in ("a", "b", "c"))
    async with house.running():
        second.switch_failure = DriverFailed("no", 500)
        error = await house.refused("on", {"a": None, "b": None, "c": None})
        assert error.status == 500
    assert [one.state for one in (first, second, third)] == [ON, OFF, OFF]


async def test_a_device_that_is_away_at_the_start(autojump_clock, house):
    psu = house.add("psu", initial_state=True)
    psu.failure = DriverFailed("no route")
    house.add("other")
    async with house.running():
        assert await house.call("on", {"psu": None, "other": None}) == {
            "psu": "init",
            "other": "on",
        }
        assert house.parts["psu"].last_error == "no route"
        await trio.sleep(60)
        psu.failure = None
        await trio.sleep(10)
        assert psu.state is ON
        assert ("psu", "on") in house.told()
        assert await house.call("off", {"psu": None}) == {"psu": "off"}


async def test_a_device_that_has_said_nothing_yet(autojump_clock, house):
    psu = house.add("psu")
    psu.hangs = True
    async with house.running():
        began = trio.current_time()
        for method in ("status", "on"):
            assert await house.call(method, {"psu": None}) == {"psu": "init"}
        assert trio.current_time() == began
        psu.hangs = False
        await trio.sleep(20)
        assert await house.call("on", {"psu": None}) == {"psu": "on"}
    assert psu.switched == ["on"]


class _Leaving(ScriptedDriver):
    """Its connection ends when `leaves` is set."""

    def __init__(self) -> None:
        super().__init__(ON)
        self.leaves = trio.Event()

    async def run(self, report: Any, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await self.leaves.wait()
        self.hangs = True
        raise Transient("it went away")


async def test_a_device_that_goes_away(autojump_clock, house):
    psu = house.add("psu", _Leaving())
    async with house.running():
        assert await house.call("status", {"psu": None}) == {"psu": "on"}
        psu.hangs = True
        async with trio.open_nursery() as nursery:
            waiting: list[Any] = []

            async def ask() -> None:
                waiting.append(await house.refused("off", {"psu": None}))

            nursery.start_soon(ask)
            await house.settle()
            psu.leaves.set()
        assert (waiting[0].status, waiting[0].message) == (503, "Power device psu is not running")
        # What it was is known, and what it is not.
        assert await house.call("status", {"psu": None}) == {"psu": "on"}
        error = await house.refused("off", {"psu": None})
        assert (error.status, "cannot be reached" in error.message) == (503, True)


async def test_a_request_behind_others_is_not_waited_for_without_end(autojump_clock, house):
    psu = house.add("psu", timeout_s=5.0)
    toggle = {"device": "psu", "action": "toggle"}
    async with house.running():
        psu.slow_s = 2.0
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.call, "post_device", toggle)
            await house.settle()
            error = await house.refused("post_device", toggle)
        assert trio.current_time() - began == 5.0
        assert (error.status, error.message) == (
            503,
            "Power device psu has not answered within 5 s",
        )


async def test_a_device_whose_broker_is_away_is_not_in_error(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON))
    async with house.running():
        psu.failure = DriverFailed("MQTT Not Connected", 503, ERROR)
        error = await house.refused("status", {"psu": None})
        assert (error.status, error.message) == (503, "Power device psu: MQTT Not Connected")
        psu.failure = DriverFailed("no such plug", 400, ERROR)
        assert await house.call("status", {"psu": None}) == {"psu": "error"}


async def test_polls_find_changes_from_outside(autojump_clock, house):
    psu = house.add("psu", poll_interval_s=5.0, services=("klipper",))
    async with house.running():
        house.told()
        psu.state = ON
        await trio.sleep(6)
        assert house.told() == [("psu", "on")]
        psu.failure = DriverFailed("gone")
        await trio.sleep(6)
        psu.failure = None
        await trio.sleep(6)
        assert house.told() == [("psu", "error"), ("psu", "on")]
    assert house.services.done == []


async def test_devices_are_polled_together(autojump_clock, house):
    class Timed(ScriptedDriver):
        async def status(self) -> Any:
            polled[self].append(trio.current_time())
            return await super().status()

    polled: dict[Any, list[float]] = {}
    for name, slow_s in (("psu", 0.0), ("lamp", 0.3), ("fan", 0.1)):
        driver = house.add(name, Timed(), poll_interval_s=5.0)
        driver.slow_s = slow_s
        polled[driver] = []
    async with house.running():
        await trio.sleep(21)
    (psu, lamp, fan) = (times[1:] for times in polled.values())
    assert psu == lamp == fan
    assert [after - before for before, after in itertools.pairwise(psu)] == [5.0, 5.0, 5.0]


async def test_what_the_device_says_by_itself(autojump_clock, house):
    psu = house.add("psu")
    async with house.running():
        house.told()
        psu.report(ON)
        psu.report(ON)
        assert house.told() == [("psu", "on")]
        assert (await house.call("devices")).devices[0].status == "on"


# Prints


@pytest.mark.parametrize(("state", "paused", "status"), [
    ("printing", True, 400), ("paused", True, 400), ("paused", False, None), ("standby", True, None)
])  # fmt: skip
async def test_a_print_locks(autojump_clock, house, state, paused, status):
    psu = house.add(
        "psu", ScriptedDriver(ON), locked_while_printing=True, locked_while_paused=paused
    )
    async with house.running():
        house.printer.stats = house.printer.stats.merged({"state": state})
        # It is on already: no lock is asked.
        assert await house.call("on", {"psu": None}) == {"psu": "on"}
        if status is None:
            assert await house.call("off", {"psu": None}) == {"psu": "off"}
            return
        error = await house.refused("off", {"psu": None})
        assert error.message == "Unable to change power for psu while printing"
        house.macro(device="psu", state="off")
        await house.settle()
        assert psu.state is ON
        for no in (False, "False", "", 0, None, "yes"):
            house.macro(device="psu", state="off", force=no)
            await house.settle()
            assert psu.state is ON
        for yes in (True, "True", 1, "1"):
            house.macro(device="psu", state="off", force=yes)
            await house.settle()
            assert psu.state is OFF
            house.macro(device="psu", state="on", force=True)
            await house.settle()


@pytest.mark.parametrize(
    ("away", "seen", "back_s", "status"),
    [
        ("disconnected", True, 0.3, 400),  # the socket broke, and is back
        ("disconnected", True, 60.0, None),  # Klipper's process died: nobody prints
        ("startup", None, 0.3, 400),  # mrk has begun anew
        ("disconnected", None, 60.0, None),
    ],
)
async def test_a_print_that_is_out_of_sight_locks(
    autojump_clock, house, away, seen, back_s, status
):
    psu = house.add("psu", ScriptedDriver(ON), locked_while_printing=True)
    async with house.running():
        house.printer.stats = house.printer.stats.merged({"state": "printing"})
        house.printer.was_seen = seen
        house.printer.become(away)
        began = trio.current_time()

        async def come_back():
            await trio.sleep(back_s)
            house.printer.become("ready")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_back)
            if status is None:
                assert await house.call("off", {"psu": None}) == {"psu": "off"}
                assert trio.current_time() - began == (2.0 if seen else 0.0)
                nursery.cancel_scope.cancel()
            else:
                assert (await house.refused("off", {"psu": None})).status == status
        assert psu.state is (OFF if status is None else ON)


async def test_a_print_that_began_within_this_beat_locks(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), locked_while_printing=True)
    async with house.running():
        house.printer.shown = house.printer.stats
        house.printer.stats = house.printer.stats.merged({"state": "printing"})
        assert (await house.refused("off", {"psu": None})).status == 400
        assert psu.state is ON


@pytest.mark.parametrize(("shown", "status"), [("printing", 400), ("standby", None)])
async def test_a_klipper_that_stands_still_is_what_it_was(autojump_clock, house, shown, status):
    psu = house.add("psu", ScriptedDriver(ON), locked_while_printing=True)
    async with house.running():
        house.printer.stats = house.printer.stats.merged({"state": shown})
        house.printer.stands_still = True
        if status is None:
            assert await house.call("off", {"psu": None}) == {"psu": "off"}
        else:
            assert (await house.refused("off", {"psu": None})).status == status
        assert psu.state is (OFF if status is None else ON)


async def test_what_the_device_says_while_klipper_is_asked_counts(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), locked_while_printing=True)
    async with house.running(), trio.open_nursery() as nursery:
        house.printer.stats = house.printer.stats.merged({"state": "printing"})
        house.printer.stands_still = True
        nursery.start_soon(house.refused, "off", {"psu": None})
        await trio.sleep(0.5)
        psu.report(OFF)  # by the button on it
        await trio.sleep(2)
        assert (await house.call("devices")).devices[0].status == "off"
        assert house.told()[-1] == ("psu", "off")


async def test_what_is_not_locked_waits_for_no_klipper(autojump_clock, house):
    house.add("psu", ScriptedDriver(ON))
    async with house.running():
        house.printer.stats = house.printer.stats.merged({"state": "printing"})
        house.printer.stands_still = True
        began = trio.current_time()
        assert await house.call("off", {"psu": None}) == {"psu": "off"}
        house.printer.become("disconnected")
        assert await house.call("on", {"psu": None}) == {"psu": "on"}
        assert trio.current_time() == began


async def test_macros(autojump_clock, house, caplog):
    psu = house.add("psu")
    async with house.running():
        for state, wanted in ((True, ON), ("OFF", OFF), ("toggle", ON), (False, OFF)):
            house.macro(device="psu", state=state)
            await house.settle()
            assert psu.state is wanted
        house.macro(device="psu", state="dim")
        house.macro(device="x", state="on")
        assert "state 'dim' is not known" in caplog.text
        assert "there is no power device 'x'" in caplog.text


# What follows


async def test_services_follow(autojump_clock, house):
    house.services.failing.add("b")
    house.add("psu", services=("a", "b", "c"))
    async with house.running():
        await house.call("on", {"psu": None})
        await house.settle()
        assert house.services.done == ["start a", "start c"]
        # It is on: nothing follows.
        await house.call("on", {"psu": None})
        await house.settle()
        await house.call("off", {"psu": None})
        await house.settle()
    assert house.services.done == ["start a", "start c", "stop a", "stop b", "stop c"]


async def test_of_quick_changes_the_last_counts(autojump_clock, house):
    house.add("psu", services=("a", "b"))
    house.services.slow_s = 10.0
    async with house.running():
        await house.call("on", {"psu": None})
        await trio.sleep(1)
        for method in ("off", "on", "off"):
            await house.call(method, {"psu": None})
        await trio.sleep(60)
        assert house.services.done == ["start a", "start b", "stop a", "stop b"]


@pytest.mark.parametrize("state", [True, False])
async def test_services_follow_the_initial_state(autojump_clock, house, state):
    house.add("psu", ScriptedDriver(PowerState.of(state)), initial_state=state, services=("a",))
    async with house.running():
        await house.settle()
        assert house.services.done == ["start a" if state else "stop a"]


async def test_klipper_is_restarted_unless_it_is_ready(autojump_clock, house):
    house.add("psu", restart_klipper_when_powered=True, restart_delay_s=2.0)
    async with house.running():
        await house.call("on", {"psu": None})
        await trio.sleep(5)
        assert house.printer.scripts == []
        await house.call("off", {"psu": None})
        house.printer.become("shutdown")
        await house.call("on", {"psu": None})
        await trio.sleep(1)
        assert house.printer.scripts == []
        await trio.sleep(2)
        assert house.printer.scripts == ["FIRMWARE_RESTART"]


async def test_klipper_is_restarted_for_nothing_else(autojump_clock, house):
    house.add("light")
    house.add("psu", ScriptedDriver(ON), restart_klipper_when_powered=True, poll_interval_s=5.0)
    house.printer.become("shutdown")
    async with house.running():
        await house.call("on", {"light": None})
        await house.call("off", {"light": None})
        await trio.sleep(60)
        assert house.printer.scripts == []


async def test_the_wish_to_restart_outlives_a_disconnect(autojump_clock, house):
    house.add("psu", restart_klipper_when_powered=True)
    async with house.running():
        house.printer.become("disconnected")
        await house.call("on", {"psu": None})
        await trio.sleep(60)
        assert house.printer.scripts == []
        house.printer.become("error")
        house.printer.become("shutdown")
        await trio.sleep(3)
        assert house.printer.scripts == ["FIRMWARE_RESTART"]
        house.printer.become("disconnected")
        house.printer.become("ready")
        await trio.sleep(60)
        assert house.printer.scripts == ["FIRMWARE_RESTART"]


async def test_a_stop_right_behind_on_is_not_undone(autojump_clock, house):
    house.add("psu", restart_klipper_when_powered=True, restart_delay_s=2.0)
    async with house.running():
        await house.call("on", {"psu": None})
        await trio.sleep(0.5)
        house.printer.become("shutdown")
        await trio.sleep(10)
        assert house.printer.scripts == []


async def test_a_klipper_that_goes_away_during_the_delay_is_awaited(autojump_clock, house):
    house.add("psu", restart_klipper_when_powered=True, restart_delay_s=2.0)
    async with house.running():
        house.printer.become("shutdown")
        await house.call("on", {"psu": None})
        await trio.sleep(0.5)
        house.printer.become("disconnected")
        await trio.sleep(60)
        assert house.printer.scripts == []
        house.printer.start_in("error")
        await trio.sleep(1)
        assert house.printer.scripts == ["FIRMWARE_RESTART"]


async def test_a_device_that_is_off_again_restarts_nothing(autojump_clock, house):
    house.add("psu", restart_klipper_when_powered=True)
    async with house.running():
        house.printer.become("shutdown")
        await house.call("on", {"psu": None})
        await house.call("off", {"psu": None})
        await trio.sleep(10)
        assert house.printer.scripts == []


async def test_a_device_that_is_on_again_gets_the_whole_delay(autojump_clock, house):
    house.add("psu", restart_klipper_when_powered=True, restart_delay_s=5.0)
    async with house.running():
        house.printer.become("shutdown")
        await house.call("on", {"psu": None})
        await trio.sleep(4)
        await house.call("off", {"psu": None})
        await house.call("on", {"psu": None})
        await trio.sleep(4.9)
        assert house.printer.scripts == []
        await trio.sleep(0.2)
        assert house.printer.scripts == ["FIRMWARE_RESTART"]


async def test_a_device_that_is_on_again_while_klipper_restarts_is_another_wish(
    autojump_clock, house
):
    house.add("psu", restart_klipper_when_powered=True)
    async with house.running():
        house.printer.become("shutdown")
        house.printer.answer_s = 3.0
        await house.call("on", {"psu": None})
        await trio.sleep(2)
        assert house.printer.scripts == ["FIRMWARE_RESTART"]
        await house.call("off", {"psu": None})
        await house.call("on", {"psu": None})
        await trio.sleep(10)
        assert house.printer.scripts == ["FIRMWARE_RESTART"] * 2


async def test_off_when_klipper_shuts_down(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True, off_when_shutdown_delay_s=30)
    async with house.running():
        house.printer.become("shutdown")
        await trio.sleep(20)
        # A second one restarts the delay.
        house.printer.become("shutdown")
        await trio.sleep(20)
        assert psu.state is ON
        await trio.sleep(11)
        assert psu.state is OFF


async def test_an_off_at_klippers_shutdown_that_fails_is_tried_again(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True, timeout_s=5.0)
    async with house.running():
        psu.switch_failure = DriverFailed("relay stuck")
        house.printer.become("shutdown")
        await trio.sleep(1)
        assert psu.switched == ["off"]
        psu.switch_failure = None
        await trio.sleep(3)
        assert psu.switched == ["off"]
        await trio.sleep(2)
        assert psu.switched == ["off", "off"]
        assert psu.state is OFF
        await trio.sleep(60)
        assert psu.switched == ["off", "off"]


async def test_off_where_klipper_was_in_shutdown_before_anybody_listened(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True, off_when_shutdown_delay_s=30)
    house.printer.klippy_state = "shutdown"
    async with house.running():
        await trio.sleep(29)
        assert psu.state is ON
        await trio.sleep(2)
        assert psu.state is OFF


async def test_off_where_the_link_finds_klipper_in_shutdown(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True)
    async with house.running():
        house.printer.become("disconnected")
        for state in ("startup", "error"):
            house.printer.start_in(state)
            await trio.sleep(10)
        assert psu.switched == []
        house.printer.start_in("shutdown")
        await house.settle()
        assert psu.switched == ["off"]


async def test_requests_without_end_do_not_put_off_the_shutdown(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True)
    async with house.running():
        psu.slow_s = 0.2

        async def ask():
            while True:
                await house.call("on", {"psu": None})

        async def order():
            while True:
                house.macro(device="psu", state="on", force=True)
                await trio.sleep(0.1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(order)
            await trio.sleep(5)
            assert psu.switched == []
            house.printer.become("shutdown")
            await trio.sleep(5)
            nursery.cancel_scope.cancel()
        assert psu.switched[0] == "off"


async def test_a_firmware_restart_within_the_delay(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True, off_when_shutdown_delay_s=30)
    async with house.running():
        house.printer.become("shutdown")
        await trio.sleep(10)
        house.printer.become("ready")
        await trio.sleep(60)
        assert psu.state is ON


async def test_a_firmware_restart_while_the_device_is_asked(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), off_when_shutdown=True)
    async with house.running():
        psu.slow_s = 2.0
        house.printer.become("shutdown")
        await trio.sleep(1)
        house.printer.become("ready")
        await trio.sleep(60)
        assert (psu.asked[-1], psu.switched, psu.state) == ("status", [], ON)


async def test_jobs_switch_on_in_order(autojump_clock, house):
    first = house.add("a", on_when_job_queued=True)
    other = house.add("b")
    last = house.add("c", on_when_job_queued=True)
    async with house.running():
        assert house.power.switches_on_for_jobs
        house.power.on_jobs_added()
        await house.settle()
    assert [one.state for one in (first, other, last)] == [ON, OFF, ON]


# Timers


async def test_jobs_that_are_queued_while_a_device_answers(autojump_clock, house):
    first = house.add("first", on_when_job_queued=True)
    slow = house.add("slow", on_when_job_queued=True)
    async with house.running():
        slow.slow_s = 2.0
        house.power.on_jobs_added()
        await trio.sleep(1)
        await house.call("off", {"first": None})
        house.power.on_jobs_added()
        await trio.sleep(10)
        assert first.switched == ["on", "off", "on"]
        assert slow.switched == ["on"]


async def test_the_timer_switches_off(autojump_clock, house):
    psu = house.add("psu", timer_s=60.0)
    async with house.running():
        await house.call("on", {"psu": None})
        await trio.sleep(30)
        await house.call("off", {"psu": None})
        await house.call("on", {"psu": None})
        await trio.sleep(59)
        assert psu.state is ON
        await trio.sleep(2)
        assert psu.state is OFF
    assert psu.switched == ["on", "off", "on", "off"]


async def test_an_off_that_a_print_refuses_is_kept(autojump_clock, house):
    psu = house.add("psu", timer_s=60.0, locked_while_printing=True)
    async with house.running():
        await house.call("on", {"psu": None})
        house.printer.stats = house.printer.stats.merged({"state": "printing"})
        await trio.sleep(3600)
        assert psu.state is ON
        house.printer.stats = house.printer.stats.merged({"state": "complete"})
        await trio.sleep(6)
        assert psu.state is OFF


async def test_an_off_that_fails_is_tried_again(autojump_clock, house):
    psu = house.add("psu", timer_s=10.0)
    async with house.running():
        await house.call("on", {"psu": None})
        psu.switch_failure = DriverFailed("away")
        await trio.sleep(60)
        psu.switch_failure = None
        await trio.sleep(6)
        assert psu.state is OFF


# The initial state


@pytest.mark.parametrize("each_time", [False, True])
async def test_the_initial_state_is_applied_once_or_each_time(autojump_clock, house, each_time):
    """Each time: a printer object, which Klipper sets anew when it has restarted."""
    psu = house.add("psu", initial_state=True, services=("a",))
    psu.initialises_each_time = each_time
    async with house.running():
        assert await house.call("status", {"psu": None}) == {"psu": "on"}
        await house.call("off", {"psu": None})
        await trio.sleep(60)
        assert psu.switched == ["on", "off"]
        # That it did not answer once is no new beginning.
        psu.report(ERROR)
        assert await house.call("status", {"psu": None}) == {"psu": "off"}
        await trio.sleep(10)
        assert psu.switched == ["on", "off"]
        psu.report(INIT)
        await trio.sleep(10)
        psu.report(OFF)
        await trio.sleep(60)
        assert psu.switched == ["on", "off", *(["on"] if each_time else [])]
        assert psu.state is (ON if each_time else OFF)


async def test_what_the_device_says_during_a_request_does_not_count(autojump_clock, house):
    psu = house.add("psu", restrict_action_processing=False, services=("a",))
    async with house.running():
        house.told()
        psu.slow_s = 1.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.call, "on", {"psu": None})
            await trio.sleep(1.5)
            psu.report(ON)
            psu.report(OFF)
        assert house.told() == [("psu", "on")]
        psu.report(OFF)
        await house.settle()
        assert house.told() == [("psu", "off")]
        assert house.services.done == ["start a", "stop a"]


async def test_the_initial_state_spares_a_print(autojump_clock, house, caplog):
    psu = house.add("psu", ScriptedDriver(ON), initial_state=False, locked_while_printing=True)
    house.printer.klippy_state = "disconnected"
    house.printer.stats = house.printer.stats.merged({"state": "printing"})
    async with house.running():
        assert psu.state is ON
        await trio.sleep(2)
        house.printer.become("ready")
        await trio.sleep(10)
        assert psu.state is ON
        assert "initial_state is not applied" in caplog.text


async def test_without_a_printer_the_initial_state_does_not_wait_for_ever(autojump_clock, house):
    psu = house.add("psu", ScriptedDriver(ON), initial_state=False, locked_while_printing=True)
    house.printer.klippy_state = "disconnected"
    async with house.running():
        await trio.sleep(6)
        assert psu.state is OFF


# What others switched


@pytest.mark.parametrize(
    ("method", "arguments", "answer"),
    [
        ("get_device", {"device": "psu"}, {"psu": ON}),
        ("status", {"psu": None}, {"psu": ON}),
        ("on", {"psu": None}, {"psu": ON}),
        ("post_device", {"device": "psu", "action": "on"}, {"psu": ON}),
    ],
)
async def test_a_request_that_finds_it_switched_by_others_tells(
    autojump_clock, house, method, arguments, answer
):
    psu = house.add("psu", services=("klipper",))
    async with house.running():
        house.told()
        psu.state = ON
        assert await house.call(method, arguments) == answer
        assert house.told() == [("psu", "on")]
        assert await house.call(method, arguments) == answer
        assert house.told() == []
        await house.settle()
    assert (psu.switched, house.services.done) == ([], [])


async def test_a_switch_that_fails_tells_what_was_found_as_well(autojump_clock, house):
    psu = house.add("psu")
    async with house.running():
        house.told()
        psu.state, psu.switch_failure = ON, DriverFailed("stuck")
        refused = await house.refused("off", {"psu": None})
        assert (refused.status, refused.message) == (400, "Power device psu: stuck")
        assert house.told() == [("psu", "on"), ("psu", "error")]


async def test_a_timer_whose_device_was_switched_off_by_others_has_ended(autojump_clock, house):
    psu = house.add("psu", timer_s=5.0)
    async with house.running():
        await house.call("on", {"psu": None})
        psu.state = OFF
        await trio.sleep(6)
        asked = len(psu.asked)
        await trio.sleep(600)
        assert (psu.switched, len(psu.asked)) == (["on"], asked)
        assert house.told()[-1] == ("psu", "off")


async def test_devices_of_klipper_say_whether_it_is_shut_down(autojump_clock, house):
    light = house.add("light", type="klipper_device", locked_while_printing=True)
    light.is_shutdown = False
    house.add("psu")
    async with house.running():
        for light.is_shutdown in (False, True):
            shown = msgspec.to_builtins(await house.call("devices"))["devices"]
            assert shown == [
                {
                    "device": "light",
                    "status": "off",
                    "locked_while_printing": True,
                    "type": "klipper_device",
                    "is_shutdown": light.is_shutdown,
                },
                {
                    "device": "psu",
                    "status": "off",
                    "locked_while_printing": False,
                    "type": "gpio",
                },
            ]
