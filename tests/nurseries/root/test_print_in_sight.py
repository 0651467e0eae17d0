"""A print counts from the moment in which the printer took it, not from its next beat."""

import pytest
import trio
from trio.testing import MockClock

from nurseries.client.rpc_client import CallFailed
from nurseries.testing.memory import open_memory_daemon

CUBE = "calibration_cube.gcode"


async def test_nothing_is_restarted_under_a_print_that_just_began(
    autojump_clock: MockClock,
) -> None:
    async with open_memory_daemon() as daemon, daemon.connect() as client:
        subsystems = daemon.generation.subsystems
        assert not subsystems.is_printing()
        with pytest.raises(CallFailed):
            await client.call("printer.print.start", filename="missing.gcode")
        assert not subsystems.is_printing()
        await client.call("printer.print.start", filename=CUBE)
        began = trio.current_time()
        assert subsystems.is_printing()
        while trio.current_time() - began < 5.0:
            await trio.sleep(0.05)
            assert subsystems.is_printing()
        await client.call("printer.print.cancel")
        await trio.sleep(0.5)
        assert not subsystems.is_printing()


async def test_a_start_that_never_shows_is_forgotten(autojump_clock: MockClock) -> None:
    async with open_memory_daemon() as daemon, daemon.connect() as client:
        await client.call("printer.print.start", filename=CUBE)
        await client.call("printer.print.cancel")
        await trio.sleep(2.5)
        assert not daemon.generation.subsystems.is_printing()
