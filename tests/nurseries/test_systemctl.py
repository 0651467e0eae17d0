import pytest
import trio
import trio.testing

from mrk.machine.commands import CommandResult
from mrk.machine.services import ServiceError
from nurseries.systemctl import Systemctl
from tests.fakes.commands import FakeCommands, said


async def test_root_asks_systemd_directly_and_others_through_sudo() -> None:
    commands = FakeCommands({"klipper": said(b"")})
    await Systemctl(commands, as_root=True).stop("klipper")
    await Systemctl(commands, as_root=False).start("klipper")
    assert commands.asked == [
        ["systemctl", "stop", "klipper"],
        ["sudo", "-n", "systemctl", "start", "klipper"],
    ]


async def test_what_systemd_says_is_the_error() -> None:
    refusal = CommandResult(5, b"", b"Failed to stop klipper.service: Unit not loaded.\n")
    with pytest.raises(ServiceError, match=r"^Failed to stop klipper.service: Unit not loaded\.$"):
        await Systemctl(FakeCommands({"klipper": refusal}), as_root=True).stop("klipper")


async def test_a_silent_failure_names_its_status() -> None:
    killed = CommandResult(-9, b"", b"")
    with pytest.raises(ServiceError, match="systemctl start klipper ended with -9"):
        await Systemctl(FakeCommands({"klipper": killed}), as_root=True).start("klipper")


async def test_a_host_without_systemd_is_an_error_of_the_service() -> None:
    with pytest.raises(ServiceError, match="systemctl: No such file"):
        await Systemctl(FakeCommands(), as_root=True).start("klipper")


async def test_a_command_that_hangs_ends_at_its_deadline(
    autojump_clock: trio.testing.MockClock,
) -> None:
    commands = FakeCommands({"klipper": None})
    with pytest.raises(ServiceError, match="did not end within 7 s"):
        await Systemctl(commands, as_root=True, deadline_s=7).stop("klipper")
    assert (trio.current_time(), commands.cancelled) == (7.0, 1)


@pytest.mark.parametrize("unit", ["", "--now", "a b", "a;b", "../x", "klipper\n", "x" * 256])
async def test_what_is_no_unit_name_never_reaches_a_command(unit: str) -> None:
    commands = FakeCommands({unit: said(b"")})
    with pytest.raises(ServiceError):
        await Systemctl(commands, as_root=True).start(unit)
    assert commands.asked == []


@pytest.mark.parametrize("unit", ["klipper-2", "klipper@a.service", "x" * 255])
async def test_usual_unit_names_pass(unit: str) -> None:
    await Systemctl(FakeCommands({unit: said(b"")}), as_root=True).start(unit)
