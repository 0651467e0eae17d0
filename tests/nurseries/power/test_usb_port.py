"""USB ports by uhubctl: what is run, and what is made of what it says."""

import pytest

from mrk.machine.host_commands import CommandResult
from mrk.power.states import DriverFailed, PowerState
from nurseries.power.drivers.usb_port import UsbPort
from tests.fakes.commands import FakeCommands, said

OFF = b"Current status for hub 1-1 [2109:3431]\n  Port 2: 0000 off\n"
ON = (
    b"Current status for hub 1-1 [2109:3431]\n  Port 2: 0000 off\n"
    b"Sent power on request\n"
    b"New status for hub 1-1 [2109:3431]\n  Port 2: 0100 power\n"
)


async def test_a_port_is_looked_at_and_switched() -> None:
    commands = FakeCommands({"-p 2": said(OFF), "-a on": said(ON)})
    port = UsbPort(commands, "1-1", 2)
    assert await port.status() is PowerState.OFF
    assert await port.switch(True) is PowerState.ON
    assert commands.asked == [
        ["uhubctl", "-l", "1-1", "-p", "2"],
        ["uhubctl", "-l", "1-1", "-p", "2", "-a", "on"],
    ]


async def test_a_program_that_is_not_there_or_fails() -> None:
    with pytest.raises(DriverFailed, match="the program cannot be run: uhubctl: No such file"):
        await UsbPort(FakeCommands(), "1-1", 2).status()
    refused = CommandResult(1, b"", b"No compatible devices detected!\n")
    with pytest.raises(DriverFailed, match="ended with code 1: No compatible devices detected!"):
        await UsbPort(FakeCommands({"-p 2": refused}), "1-1", 2).status()
