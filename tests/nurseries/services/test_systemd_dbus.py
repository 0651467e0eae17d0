"""The provider systemd_dbus on a real bus with a stand-in for systemd and logind."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import jeepney
import pytest
import trio
from jeepney.io.trio import open_dbus_connection

from config.settings.machine import MachineSettings
from mrk.errors import ClientError
from mrk.machine.services import ServiceAway, ServiceError
from nurseries.supervise import supervise
from tests.fakes.machine_house import MachineHouse, open_machine
from tests.fakes.systemd import (
    MANAGER,
    PATH,
    PROPERTIES,
    UNIT,
    FakeSystemd,
    FakeUnit,
    PrivateBus,
    unit_path,
)
from tests.polling import until

pytestmark = pytest.mark.e2e
UP = {"active_state": "active", "sub_state": "running"}
DOWN = {"active_state": "inactive", "sub_state": "dead"}
STOPPING = {"active_state": "deactivating", "sub_state": "stop-sigterm"}
CHANGED = "notify_service_state_changed"


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[PrivateBus]:
    bus = PrivateBus(tmp_path)
    bus.start()
    yield bus
    bus.kill()


@pytest.fixture
def systemd() -> FakeSystemd:
    units = {
        "klipper": FakeUnit(),
        "mrk": FakeUnit(),
        "nginx": FakeUnit(),
        "sonar": FakeUnit(("inactive", "dead"), loaded=False),
        "KlipperScreen": FakeUnit(("inactive", "dead"), "masked"),
    }
    return FakeSystemd(units)


@asynccontextmanager
async def opened(
    folder: Path, bus: PrivateBus, systemd: FakeSystemd, **options: Any
) -> AsyncIterator[MachineHouse]:
    house = MachineHouse(folder, bus_address=bus.address, **options)
    with trio.fail_after(20):
        async with systemd.on(bus.address), open_machine(house):
            yield house


async def refused(house: MachineHouse, rpc: str, **params: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        await house.call(rpc, **params)
    return caught.value.status, caught.value.message


async def test_units_are_found_and_watched(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    async with opened(tmp_path, bus, systemd) as house:
        machine = house.machine
        assert (machine.provider, machine.warnings) == ("systemd_dbus", [])
        assert machine.available_services == ["klipper", "mrk", "sonar"]
        assert house.notes() == []
        await systemd.change("klipper", "deactivating", "stop-sigterm")
        await systemd.change("nginx", "inactive", "dead")
        await systemd.change("klipper", "inactive", "dead")
        await house.note(CHANGED, {"klipper": STOPPING})
        await house.note(CHANGED, {"klipper": DOWN})
        assert machine.service_state["klipper"].active_state == "inactive"


async def test_a_further_name_of_our_unit_is_our_unit(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    """As after a take-over: to restart `moonraker` is to restart ourselves."""
    (tmp_path / "units").mkdir()
    (tmp_path / "units/moonraker.service").symlink_to("/etc/systemd/system/mrk.service")
    systemd.aliases["moonraker"] = "mrk"
    async with opened(tmp_path, bus, systemd) as house:
        assert house.machine.available_services == ["klipper", "moonraker", "mrk", "sonar"]
        assert await house.call("machine.services.restart", service="moonraker") == "ok"
        while "RestartUnit mrk.service" not in systemd.done:  # noqa: ASYNC110
            await trio.sleep(0.01)
        status, _ = await refused(house, "machine.services.stop", service="moonraker")
        assert status == 400
        # Both names have the one unit's state.
        await systemd.change("mrk", "deactivating", "stop-sigterm")
        await house.note(CHANGED, {"moonraker": STOPPING})
        await systemd.change("mrk", "active", "running")
        await house.note(CHANGED, {"mrk": UP})
        assert house.machine.service_state["moonraker"].active_state == "active"


@pytest.mark.parametrize(("verb", "state"), [("start", UP), ("stop", DOWN), ("restart", UP)])
async def test_units_are_controlled(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd, verb: str, state: dict[str, str]
) -> None:
    systemd.units["klipper"].state = ("failed", "failed")
    async with opened(tmp_path, bus, systemd) as house:
        assert await house.call(f"machine.services.{verb}", service="klipper") == "ok"
        assert f"{verb.capitalize()}Unit klipper.service" in systemd.done
        await house.note(CHANGED, {"klipper": state})


@pytest.mark.parametrize("result", ["failed", "timeout", "dependency"])
async def test_a_job_that_fails_is_an_error(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd, result: str
) -> None:
    systemd.units["klipper"].result = result
    async with opened(tmp_path, bus, systemd) as house:
        status, text = await refused(house, "machine.services.start", service="klipper")
    assert status == 500
    assert "systemctl status klipper" in text


async def test_many_at_once_get_their_own_answers(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.units["sonar"].result = "failed"
    told: dict[str, int] = {}

    async def ask(service: str, key: str) -> None:
        try:
            await house.call("machine.services.restart", service=service)
            told[key] = 200
        except ClientError as exc:
            told[key] = exc.status

    async with opened(tmp_path, bus, systemd) as house, trio.open_nursery() as nursery:
        for number in range(20):
            service = ("klipper", "sonar")[number % 2]
            nursery.start_soon(ask, service, f"{service} {number}")
    assert {key.split()[0]: status for key, status in told.items()} == {
        "klipper": 200,
        "sonar": 500,
    }
    assert len(told) == 20


async def test_polkit_refuses_and_a_person_is_told_what_to_do(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.denied = {"StopUnit", "Reboot"}
    async with opened(tmp_path, bus, systemd) as house:
        for rpc, params in (("services.stop", {"service": "klipper"}), ("reboot", {})):
            status, text = await refused(house, f"machine.{rpc}", **params)
            assert status == 500
            assert "PolicyKit" in text
            assert house.machine.sudo.user in text


async def test_an_action_that_takes_long_ends_when_its_caller_goes(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.jobs_end = False
    async with opened(tmp_path, bus, systemd) as house:
        with trio.move_on_after(0.2) as scope:
            await house.call("machine.services.stop", service="klipper")
        assert scope.cancelled_caught
        systemd.jobs_end = True
        assert await house.call("machine.services.start", service="klipper") == "ok"


async def test_our_own_unit_is_restarted_after_the_answer(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    async with opened(tmp_path, bus, systemd) as house:
        await systemd.change("mrk", "deactivating", "stop-sigterm")
        await house.note(
            CHANGED, {"mrk": {**UP, "active_state": "deactivating", "sub_state": "stop-sigterm"}}
        )
        assert await house.call("machine.services.restart", service="moonraker") == "ok"
        assert "RestartUnit mrk.service" not in systemd.done
        await house.note(CHANGED, {"mrk": UP})
        assert not house.restarts.is_set()


async def test_a_unit_of_ours_that_may_not_be_restarted(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.denied = {"RestartUnit"}
    async with opened(tmp_path, bus, systemd) as house:
        assert await house.call("machine.services.restart", service="mrk") == "ok"
        await house.restarts.wait()


async def test_what_is_installed_later_is_found(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    async with opened(tmp_path, bus, systemd) as house:
        systemd.units["klipper-2"] = FakeUnit(("inactive", "dead"))
        del systemd.units["sonar"]
        await systemd.unit_files_changed()
        await house.note(CHANGED, {"klipper-2": DOWN})
        assert house.machine.available_services == ["klipper", "klipper-2", "mrk"]
        await systemd.change("klipper-2", "active", "running")
        await house.note(CHANGED, {"klipper-2": UP})


# Power


@pytest.mark.parametrize(
    ("action", "rpc", "method"),
    [
        ("poweroff", "machine.shutdown", "PowerOff"),
        ("halt", "machine.shutdown", "Halt"),
        ("poweroff", "machine.reboot", "Reboot"),
    ],
)
async def test_power_goes_through_logind(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd, action: str, rpc: str, method: str
) -> None:
    settings = MachineSettings(shutdown_action=action)
    async with opened(tmp_path, bus, systemd, settings=settings) as house:
        house.printing = True
        assert (await refused(house, rpc))[0] == 400
        house.printing = False
        assert await house.call(rpc) == "ok"
    assert systemd.done[-2:] == [f"Can{method}", f"{method} False"]


@pytest.mark.parametrize(
    ("can", "told"), [("no", "PolicyKit"), ("challenge", "PolicyKit"), ("na", "hardware")]
)
async def test_logind_says_that_it_will_not(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd, can: str, told: str
) -> None:
    systemd.can = can
    async with opened(tmp_path, bus, systemd) as house:
        status, text = await refused(house, "machine.shutdown")
    assert status == 500
    assert told in text
    assert "PowerOff False" not in systemd.done


# The bus goes away, or lies


async def test_a_killed_bus_is_found_again_with_what_changed(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    house = MachineHouse(tmp_path, bus_address=bus.address)
    with trio.fail_after(20):
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(systemd.on(bus.address))
            await stack.enter_async_context(open_machine(house))
            bus.kill()
            status, text = await refused(house, "machine.services.stop", service="klipper")
            assert status == 503
            assert "system bus" in text
            assert house.machine.available_services == ["klipper", "mrk", "sonar"]
            systemd.units["klipper"].state = ("failed", "failed")
            bus.start()
            await stack.enter_async_context(systemd.on(bus.address))
            failed = {"active_state": "failed", "sub_state": "failed"}
            await house.note(CHANGED, {"klipper": failed})
            assert house.machine.provider == "systemd_dbus"
            assert await house.call("machine.services.restart", service="klipper") == "ok"
            assert not house.part.crashed


async def test_a_bus_killed_during_an_action(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.jobs_end = False
    told: list[tuple[int, str]] = []

    async def ask() -> None:
        told.append(await refused(house, "machine.services.restart", service="klipper"))

    async with opened(tmp_path, bus, systemd) as house:
        systemd.units["klipper"].state = ("inactive", "dead")
        await systemd.change("klipper", "inactive", "dead")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await house.note(CHANGED, {"klipper": UP})
            bus.kill()
    assert told[0][0] == 503
    assert "may still go on" in told[0][1]


async def test_a_systemd_that_comes_back_to_the_bus_is_heard_again(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    """As with `systemctl daemon-reexec`."""
    house = MachineHouse(tmp_path, bus_address=bus.address)
    with trio.fail_after(20):
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(systemd.on(bus.address))
            await stack.enter_async_context(open_machine(house))
            await systemd.leave()
            systemd.units["klipper"].state = ("inactive", "dead")
            await stack.enter_async_context(systemd.on(bus.address))
            await house.note(CHANGED, {"klipper": DOWN})
            await systemd.change("klipper", "active", "running")
            await house.note(CHANGED, {"klipper": UP})
            assert (house.machine.provider, house.machine.warnings) == ("systemd_dbus", [])


async def test_the_end_of_this_part_answers_who_waits(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.jobs_end = False
    systemd.units["klipper"].state = ("inactive", "dead")
    house = MachineHouse(tmp_path, bus_address=bus.address)
    told: list[tuple[int, str]] = []

    async def ask() -> None:
        told.append(await refused(house, "machine.services.start", service="klipper"))

    with trio.fail_after(20):
        async with (
            systemd.on(bus.address),
            trio.open_nursery() as callers,
            open_machine(house),
        ):
            callers.start_soon(ask)
            await house.note(CHANGED, {"klipper": UP})
    assert told[0][0] == 503


async def test_siblings_start_a_unit_while_this_part_has_ended(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    house = MachineHouse(tmp_path, bus_address=bus.address)
    with trio.fail_after(20):
        async with systemd.on(bus.address):
            async with open_machine(house):
                await house.machine.stop("klipper")
            await house.machine.start("klipper")
            assert systemd.done[-1] == "StartUnit klipper.service"
            systemd.denied = {"StartUnit"}
            assert "PolicyKit" in str(await raised(house))
        bus.kill()
        assert isinstance(await raised(house), ServiceAway)


async def raised(house: MachineHouse) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await house.machine.start("klipper")
    return caught.value


async def test_a_bus_without_systemd_leaves_services_alone(tmp_path: Path, bus: PrivateBus) -> None:
    with trio.fail_after(20):
        async with open_machine(MachineHouse(tmp_path, bus_address=bus.address)) as house:
            assert house.machine.provider == "none"
            assert "systemd is not on the system bus" in house.machine.warnings[0]


async def test_a_socket_that_is_no_bus(tmp_path: Path) -> None:
    """Junk instead of authentication: it is tried again, and nobody is harmed."""
    path = tmp_path / "junk"
    listener = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    await listener.bind(str(path))
    listener.listen()
    house = MachineHouse(tmp_path, bus_address=f"unix:path={path}")

    async def answer() -> None:
        while True:
            client, _ = await listener.accept()
            with client:
                await client.recv(100)
                await client.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with trio.fail_after(20), listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            nursery.start_soon(supervise, house.part, house.machine.serve)
            await until(lambda: house.part.restarts > 0)
            nursery.cancel_scope.cancel()
    assert not house.part.crashed


async def test_signals_of_strangers_are_not_believed(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    async with opened(tmp_path, bus, systemd) as house:
        stranger = await open_dbus_connection(bus.address)
        async with stranger:
            lie = {"ActiveState": ("s", "failed"), "SubState": ("s", "failed")}
            for path, interface, member, signature, body in (
                (
                    unit_path("klipper"),
                    PROPERTIES,
                    "PropertiesChanged",
                    "sa{sv}as",
                    (UNIT, lie, []),
                ),
                (PATH, MANAGER, "JobRemoved", "uoss", (1, f"{PATH}/job/1", "x", "failed")),
                (PATH, MANAGER, "JobRemoved", "s", ("short",)),
            ):
                address = jeepney.DBusAddress(path, interface=interface)
                signal = jeepney.new_signal(address, member, signature, body)
                # Addressed to everybody on the bus in turn, past the match rules.
                for number in range(8):
                    fields = signal.header.fields
                    fields[jeepney.HeaderFields.destination] = f":1.{number}"
                    await stranger.send(signal)
        await systemd.change("klipper", "inactive", "dead")
        await house.note(CHANGED, {"klipper": DOWN})


async def test_a_systemd_that_does_not_answer_is_lost_and_asked_again(
    tmp_path: Path, bus: PrivateBus, systemd: FakeSystemd
) -> None:
    systemd.silent = {"StopUnit"}
    async with opened(tmp_path, bus, systemd) as house:
        with trio.move_on_after(0.2) as scope:
            await house.call("machine.services.stop", service="klipper")
        assert scope.cancelled_caught
        systemd.silent = set()
        assert await house.call("machine.services.stop", service="klipper") == "ok"
