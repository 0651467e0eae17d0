"""The rules of `Machine` on a host without a bus: providers by command, and none at all.

The allowed services are read in a thread, so these tests keep the real clock.
"""

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from config.secret import Secret
from config.settings.machine import MachineSettings
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.klippy.peer import SocketPeer
from mrk.machine.host_commands import CommandResult
from mrk.machine.machine_protocols import InstanceIds
from mrk.machine.service_rules import USUAL_SERVICES
from nurseries.services.sudo_endpoints import SudoPasswordParams
from tests.fakes.host import Host
from tests.fakes.machine_house import MachineHouse, open_machine

UP = {"active_state": "active", "sub_state": "running"}
DOWN = {"active_state": "inactive", "sub_state": "dead"}
CLI = MachineSettings(provider="systemd_cli")


@pytest.fixture
def host() -> Host:
    return Host({"klipper": "active running", "mrk": "active running", "sonar": "failed failed"})


async def refused(house: MachineHouse, rpc: str, **params: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        await house.call(rpc, **params)
    return caught.value.status, caught.value.message


async def test_without_a_bus_and_without_systemctl_nothing_crashes(tmp_path: Path) -> None:
    async with open_machine(MachineHouse(tmp_path)) as house:
        machine = house.machine
        assert machine.provider == "none"
        assert machine.available_services == []
        assert dict(machine.service_state) == {}
        (warning,) = machine.warnings
        for told in ("'none' takes the place", "systemd_dbus: no system bus at", "systemd_cli: "):
            assert told in warning
        status, text = await refused(house, "machine.services.restart", service="klipper")
        assert status == 400
        assert "not installed" in text


async def test_the_list_of_allowed_services_is_made_once(tmp_path: Path) -> None:
    async with open_machine(MachineHouse(tmp_path)):
        made = (tmp_path / "moonraker.asvc").read_text()
    assert tuple(made.split()) == USUAL_SERVICES
    (tmp_path / "moonraker.asvc").write_text("sonar\n")
    async with open_machine(MachineHouse(tmp_path)):
        assert (tmp_path / "moonraker.asvc").read_text() == "sonar\n"
    assert {path.name for path in tmp_path.iterdir()} == {"cgroup", "moonraker.asvc"}


async def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "moonraker.asvc").mkdir()
    async with open_machine(MachineHouse(tmp_path)) as house:
        assert any("moonraker.asvc cannot be used" in text for text in house.machine.warnings)


async def test_states_are_told_by_command(tmp_path: Path, host: Host) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        assert house.machine.provider == "systemd_cli"
        assert house.machine.available_services == ["klipper", "mrk", "sonar"]
        assert house.machine.instance_ids == InstanceIds("mrk", "klipper")
        assert house.notes() == []
        host.units["klipper"] = "inactive dead"
        await house.note("notify_service_state_changed", {"klipper": DOWN})


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_a_service_is_controlled_through_sudo(tmp_path: Path, host: Host, verb: str) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        assert await house.call(f"machine.services.{verb}", service="klipper") == "ok"
    assert host.done == [f"{verb} klipper.service"]


@pytest.mark.parametrize(
    "params", [{}, {"service": None}, {"service": 5}, {"service": ["klipper"]}]
)
async def test_junk_for_a_name(tmp_path: Path, host: Host, params: dict[str, Any]) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        assert (await refused(house, "machine.services.restart", **params))[0] == 400
    assert host.done == []


@pytest.mark.parametrize("force", ["perhaps", [], {}])
async def test_junk_for_force(tmp_path: Path, host: Host, force: object) -> None:
    house = MachineHouse(tmp_path, CLI, host)
    house.printing = True
    async with open_machine(house):
        assert (await refused(house, "machine.reboot", force=force))[0] == 400
    assert host.power == []


async def test_what_systemctl_says_is_the_error(tmp_path: Path, host: Host) -> None:
    host.refusal = CommandResult(5, b"", b"Failed to stop klipper.service: Unit not loaded.\n")
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        status, text = await refused(house, "machine.services.stop", service="klipper")
    assert (status, text) == (
        500,
        "Could not stop klipper: Failed to stop klipper.service: Unit not loaded.",
    )


async def test_systemctl_that_fails_once_is_asked_again(tmp_path: Path, host: Host) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        host.broken = True
        with trio.fail_after(10):
            await host.failed_twice.wait()
        host.broken = False
        host.units["klipper"] = "inactive dead"
        await house.note("notify_service_state_changed", {"klipper": DOWN})
        assert not house.part.crashed


@pytest.mark.parametrize("name", ["moonraker", "mrk", "mrk.service"])
async def test_our_own_service_is_restarted_after_the_answer(
    tmp_path: Path, host: Host, name: str
) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        assert await house.call("machine.services.restart", service=name) == "ok"
        assert host.done == []
        with trio.fail_after(10):
            await host.acted.wait()
    assert host.done == ["--no-block restart mrk.service"]
    assert not house.restarts.is_set()


@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_our_own_service_can_only_be_restarted(tmp_path: Path, host: Host, verb: str) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        status, text = await refused(house, f"machine.services.{verb}", service="moonraker")
    assert (status, host.done) == (400, [])
    assert "itself" in text


@pytest.mark.parametrize("own", [None, "mrk"])
async def test_where_no_manager_restarts_us_we_do_it_ourselves(
    tmp_path: Path, host: Host, own: str | None
) -> None:
    host.refusal = CommandResult(1, b"", b"Access denied\n")
    async with open_machine(MachineHouse(tmp_path, CLI, host, own=own)) as house:
        assert await house.call("machine.services.restart", service="moonraker") == "ok"
        with trio.fail_after(10):
            await house.restarts.wait()


async def test_a_moonraker_beside_us_is_not_us(tmp_path: Path, host: Host) -> None:
    host.units["moonraker"] = "active running"
    async with open_machine(MachineHouse(tmp_path, CLI, host, own=None)) as house:
        assert await house.call("machine.services.stop", service="moonraker") == "ok"
    assert host.done == ["stop moonraker.service"]


@pytest.mark.parametrize(
    ("own", "beside", "names"),
    [("mrk", False, {"mrk"}), (None, False, {"moonraker"}), (None, True, set())],
)
async def test_which_names_are_ours(
    tmp_path: Path, host: Host, own: str | None, beside: bool, names: set[str]
) -> None:
    if beside:
        host.units["moonraker"] = "active running"
    async with open_machine(MachineHouse(tmp_path, CLI, host, own=own)) as house:
        assert {name for name in ("mrk", "moonraker") if house.machine.is_own(name)} == names


async def test_klipper_is_the_unit_that_we_are_linked_to(tmp_path: Path, host: Host) -> None:
    host.units = {"klipper-2": "active running"}
    house = MachineHouse(tmp_path, CLI, host)
    house.klippy.peer = SocketPeer(5, 1000, 1000, "klipper-2")
    async with open_machine(house):
        assert house.machine.instance_ids.klipper == "klipper-2"
        assert await house.call("machine.services.restart", service="klipper") == "ok"
    assert host.done == ["restart klipper-2.service"]


@pytest.mark.parametrize("unit", [None, "user@1000", "mrk"])
async def test_a_klipper_without_a_unit_of_its_own(tmp_path: Path, unit: str | None) -> None:
    house = MachineHouse(tmp_path)
    house.klippy.peer = SocketPeer(5, 1000, 1000, unit)
    async with open_machine(house):
        assert house.machine.instance_ids.klipper == "klipper"


async def test_siblings_are_not_bound_to_the_list(tmp_path: Path, host: Host) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        await house.machine.stop("printer-3")
        await house.machine.start("printer-3")
    assert host.done == ["stop printer-3.service", "start printer-3.service"]


# Power


@pytest.mark.parametrize(
    ("settings", "rpc", "command"),
    [
        (CLI, "machine.shutdown", "systemctl --no-ask-password poweroff"),
        (CLI, "machine.reboot", "systemctl --no-ask-password reboot"),
        (
            MachineSettings(provider="systemd_cli", shutdown_action="halt"),
            "machine.shutdown",
            "systemctl --no-ask-password halt",
        ),
        (MachineSettings(provider="none"), "machine.shutdown", "poweroff"),
        (MachineSettings(provider="none"), "machine.reboot", "reboot"),
    ],
)
async def test_power(
    tmp_path: Path, host: Host, settings: MachineSettings, rpc: str, command: str
) -> None:
    async with open_machine(MachineHouse(tmp_path, settings, host)) as house:
        assert await house.call(rpc) == "ok"
    assert host.power == [command]


@pytest.mark.parametrize("rpc", ["machine.shutdown", "machine.reboot"])
async def test_a_print_is_not_ended_by_chance(tmp_path: Path, host: Host, rpc: str) -> None:
    house = MachineHouse(tmp_path, CLI, host)
    house.printing = True
    async with open_machine(house):
        status, text = await refused(house, rpc)
        assert (status, host.power) == (400, [])
        assert "a print is under way" in text
        assert await house.call(rpc, force=True) == "ok"
        assert len(host.power) == 1


@pytest.mark.parametrize(
    ("method", "command"),
    [("shutdown_machine", "poweroff"), ("reboot_machine", "reboot")],
)
async def test_macros_end_the_host_also_at_the_end_of_a_print(
    tmp_path: Path, host: Host, method: str, command: str
) -> None:
    house = MachineHouse(tmp_path, MachineSettings(provider="none"), host)
    house.printing = True
    async with open_machine(house):
        house.methods[method]()
        with trio.fail_after(10):
            while not host.power:  # noqa: ASYNC110
                await trio.sleep(0.005)
    assert (host.power, house.methods) == ([command], {})


async def test_a_container_has_no_power(tmp_path: Path, host: Host) -> None:
    house = MachineHouse(tmp_path, CLI, host)
    house.contained = True
    async with open_machine(house):
        assert (await refused(house, "machine.reboot", force=True))[0] == 400
    assert host.power == []


async def test_a_host_without_the_command(tmp_path: Path, host: Host) -> None:
    host.missing = {"env", "poweroff"}
    async with open_machine(
        MachineHouse(tmp_path, MachineSettings(provider="none"), host)
    ) as house:
        status, text = await refused(house, "machine.shutdown")
    assert status == 503
    assert "No such file" in text


async def test_a_demonstration_touches_nothing(
    tmp_path: Path, host: Host, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host, simulated=True)) as house:
        assert (house.machine.provider, house.machine.warnings) == ("none", [])
        for rpc in ("machine.shutdown", "machine.reboot"):
            assert (await refused(house, rpc, force=True))[0] == 400
        assert (await refused(house, "machine.services.stop", service="klipper"))[0] == 400
        assert await house.call("machine.services.restart", service="moonraker") == "ok"
        await house.restarts.wait()
        assert (await refused(house, "machine.sudo.password", password="opens"))[0] == 400
    assert (host.asked, [path.name for path in tmp_path.iterdir()]) == ([], ["cgroup"])


# supervisord


SUPERVISED = MachineSettings(
    provider="supervisord_cli", supervisord_config_path=Path("/etc/supervisord.conf")
)


async def test_programs_of_a_supervisord(tmp_path: Path) -> None:
    host = Host({}, programs={"klipper": "RUNNING", "mrk": "RUNNING", "sonar": "STOPPED"})
    house = MachineHouse(
        tmp_path, SUPERVISED, host, environ={"SUPERVISOR_PROCESS_NAME": "mrk"}, own="supervisor"
    )
    async with open_machine(house):
        assert house.machine.provider == "supervisord_cli"
        assert house.machine.service_state.keys() == {"klipper", "mrk", "sonar"}
        assert house.machine.instance_ids.moonraker == "mrk"
        assert await house.call("machine.services.stop", service="klipper") == "ok"
        await house.note("notify_service_state_changed", {"klipper": DOWN})
        assert (await refused(house, "machine.services.stop", service="mrk"))[0] == 400
        assert await house.call("machine.services.restart", service="moonraker") == "ok"
        with trio.fail_after(10):
            await house.restarts.wait()
    assert host.asked[0][:3] == ["supervisorctl", "-c", "/etc/supervisord.conf"]


async def test_a_program_that_does_not_start(tmp_path: Path) -> None:
    host = Host({}, programs={"klipper": "FATAL"})
    host.refusal = CommandResult(7, b"klipper: ERROR (spawn error)\n", b"")
    async with open_machine(MachineHouse(tmp_path, SUPERVISED, host)) as house:
        assert await refused(house, "machine.services.start", service="klipper") == (
            500,
            "Could not start klipper: klipper: ERROR (spawn error)",
        )


async def test_no_supervisord(tmp_path: Path) -> None:
    async with open_machine(MachineHouse(tmp_path, SUPERVISED, Host({}))) as house:
        assert house.machine.provider == "none"
        assert "supervisord_cli: " in house.machine.warnings[0]


# sudo


async def test_a_password_that_is_missing_is_asked_for(tmp_path: Path, host: Host) -> None:
    host.password = "opens"
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        status, text = await refused(house, "machine.services.restart", service="klipper")
        assert status == 500
        assert "machine.sudo.password" in text
        message = "The sudo password is needed to restart klipper"
        alert = {"sudo_requested": True, "request_messages": [message]}
        assert ("notify_sudo_alert", alert) in house.notes()
        info = await house.call("machine.sudo.info", check_access=True)
        assert info == {"sudo_access": False, "linux_user": house.machine.sudo.user, **alert}

        assert (await refused(house, "machine.sudo.password", password="wrong"))[0] == 400
        assert (await house.call("machine.sudo.info"))["sudo_requested"]

        answer = await house.call("machine.sudo.password", password="opens")
        assert answer["sudo_responses"][0] == "Password accepted"
        assert len(answer["sudo_responses"]) == 2
        assert answer["is_restarting"] is False
        cleared = {"sudo_requested": False, "request_messages": []}
        assert ("notify_sudo_alert", cleared) in house.notes()
        # What was refused is not done behind anybody's back.
        assert host.done == []
        assert await house.call("machine.services.restart", service="klipper") == "ok"
        info = await house.call("machine.sudo.info", check_access="true")
        assert (info["sudo_access"], info["sudo_requested"]) == (True, False)


async def test_the_configured_password_is_used_and_shown_nowhere(
    tmp_path: Path, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.password = "opens"
    settings = MachineSettings(provider="systemd_cli", sudo_password=Secret("opens"))
    with caplog.at_level("DEBUG"):
        async with open_machine(MachineHouse(tmp_path, settings, host)) as house:
            assert await house.call("machine.services.restart", service="klipper") == "ok"
            host.password = "changed"
            _, text = await refused(house, "machine.services.restart", service="klipper")
            _, other = await refused(house, "machine.sudo.password", password="sesame")
            notes = str(house.notes())
    for shown in (caplog.text, text, other, notes, str(host.asked), repr(settings)):
        assert "opens" not in shown
        assert "sesame" not in shown


async def test_a_wrong_password_clears_the_known_one(tmp_path: Path, host: Host) -> None:
    host.password = "opens"
    settings = MachineSettings(provider="systemd_cli", sudo_password=Secret("opens"))
    async with open_machine(MachineHouse(tmp_path, settings, host)) as house:
        await refused(house, "machine.sudo.password", password="wrong")
        assert (await house.call("machine.sudo.info", check_access=True))["sudo_access"] is False


@pytest.mark.parametrize("password", ["", "two\nlines", "nul\0", "x" * 2000])
async def test_what_cannot_be_a_password(tmp_path: Path, host: Host, password: str) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        status, text = await refused(house, "machine.sudo.password", password=password)
        assert status == 400
        assert "one line" in text
        assert not any("sudo" in argv for argv in host.asked)


async def test_root_needs_no_sudo(tmp_path: Path, host: Host) -> None:
    host.password = "opens"
    async with open_machine(MachineHouse(tmp_path, CLI, host, as_root=True)) as house:
        assert await house.call("machine.services.stop", service="klipper") == "ok"
        assert (await house.call("machine.sudo.info", check_access=True))["sudo_access"] is True
    assert not any("sudo" in argv for argv in host.asked)


async def test_who_may_only_look_has_no_command_run(tmp_path: Path, host: Host) -> None:
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        info = await house.call("machine.sudo.info", role=Role.VIEW)
        assert info["sudo_access"] is None
        with pytest.raises(ClientError) as caught:
            await house.call("machine.sudo.info", role=Role.VIEW, check_access=True)
        assert caught.value.status == 403


async def test_requests_of_siblings_are_carried_out_or_stay(tmp_path: Path, host: Host) -> None:
    host.password = "opens"
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        sudo = house.machine.sudo

        async def install() -> str:
            await sudo.run_checked(["systemctl", "restart", "sonar.service"], "install it")
            return "Installed"

        for _ in range(3):
            sudo.request("Permission is needed to install", install)
        assert len(house.notes()) == 1
        host.refusal = CommandResult(1, b"", b"disk full")
        status, text = await refused(house, "machine.sudo.password", password="opens")
        assert (status, "disk full" in text) == (500, True)
        assert (await house.call("machine.sudo.info"))["sudo_requested"]
        host.refusal = None
        answer = await house.call("machine.sudo.password", password="opens")
        assert answer["sudo_responses"] == ["Password accepted", "Installed"]


async def test_a_password_check_that_is_cancelled_keeps_nothing(tmp_path: Path, host: Host) -> None:
    host.password = "opens"
    async with open_machine(MachineHouse(tmp_path, CLI, host)) as house:
        host.hangs = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: house.call("machine.sudo.password", password="opens"))
            with trio.fail_after(10):
                await host.hanging.wait()
            assert (await refused(house, "machine.sudo.password", password="opens"))[0] == 409
            nursery.cancel_scope.cancel()
        host.hangs = False
        assert (await house.call("machine.sudo.info", check_access=True))["sudo_access"] is False


def test_a_password_has_no_look() -> None:
    assert "opens" not in repr(SudoPasswordParams("opens"))
