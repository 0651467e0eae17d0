"""Commands that hang, and sudo where there is none; nothing real runs and no time passes."""

import pytest
import trio
import trio.testing

from config.secret import Secret
from mrk.api.caller import INTERNAL_CALLER
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.machine.host_commands import CommandResult
from mrk.machine.services import ServiceAway, ServiceError, StillUnderWay
from nurseries.services.sudo import Sudo
from nurseries.services.sudo_endpoints import SudoEndpoints, SudoInfoParams, SudoPasswordParams
from tests.fakes.commands import FakeCommands

OK = CommandResult(0, b"", b"")


def make(commands: FakeCommands, password: str | None = None) -> Sudo:
    secret = None if password is None else Secret(password)
    return Sudo(commands, Clients(), secret, as_root=False, user="pi")


async def test_the_password_is_input_and_never_an_argument() -> None:
    commands = FakeCommands({"poweroff": OK})
    await make(commands, "pw").run_checked(["poweroff"], "power off")
    assert commands.asked == [["env", "LC_ALL=C", "sudo", "-S", "-p", "", "--", "poweroff"]]
    assert commands.given == [b"pw\n"]
    await make(commands).run_checked(["poweroff"], "power off")
    assert commands.asked[-1] == ["env", "LC_ALL=C", "sudo", "-n", "--", "poweroff"]
    assert commands.given[-1] == b""


async def test_a_command_that_hangs_is_left(autojump_clock: trio.testing.MockClock) -> None:
    commands = FakeCommands({"poweroff": None})
    with pytest.raises(StillUnderWay, match="within 30 s"):
        await make(commands).run_checked(["poweroff"], "power off")
    assert (trio.current_time(), commands.cancelled) == (30, 1)


async def test_a_check_that_hangs_refuses(autojump_clock: trio.testing.MockClock) -> None:
    commands = FakeCommands({"true": None})
    sudo = make(commands)
    assert await sudo.has_access() is False
    with pytest.raises(ClientError, match="did not accept"):
        await SudoEndpoints(sudo).set_password(SudoPasswordParams("pw"), INTERNAL_CALLER)
    assert (trio.current_time(), commands.cancelled) == (20, 2)


async def test_a_host_without_sudo() -> None:
    sudo = make(FakeCommands())
    assert await sudo.has_access() is False
    with pytest.raises(ServiceAway, match="No such file"):
        await sudo.run_checked(["poweroff"], "power off")


async def test_who_asks_for_root_is_bounded() -> None:
    sudo = make(FakeCommands())
    for number in range(100):
        sudo.request(f"wish {number}")
    assert (
        len((await SudoEndpoints(sudo).info(SudoInfoParams(), INTERNAL_CALLER)).request_messages)
        == 20
    )


async def test_a_command_that_says_nothing() -> None:
    commands = FakeCommands({"poweroff": CommandResult(-9, b"", b"")})
    with pytest.raises(ServiceError, match="Could not power off: it ended with -9"):
        await make(commands).run_checked(["poweroff"], "power off")


async def test_a_warning_of_sudo_is_no_wish_for_a_password() -> None:
    said = b"sudo: unable to resolve host printer: Name or service not known\nFailed.\n"
    commands = FakeCommands({"poweroff": CommandResult(1, b"", said)})
    sudo = make(commands)
    with pytest.raises(ServiceError, match="Failed"):
        await sudo.run_checked(["poweroff"], "power off")
    assert not (await SudoEndpoints(sudo).info(SudoInfoParams(), INTERNAL_CALLER)).sudo_requested
