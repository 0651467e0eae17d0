"""Real child processes, short ones; the clock is the real one."""

import sys
import time

import pytest
import trio

from mrk.machine.host_commands import CommandUnavailable
from nurseries.process.host_commands import HostCommands

pytestmark = pytest.mark.e2e


async def test_output_and_status_come_back() -> None:
    result = await HostCommands().run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


async def test_input_is_empty() -> None:
    with trio.fail_after(10):
        assert (await HostCommands().run(["cat"])).stdout == b""


async def test_input_is_given_whole_and_ends() -> None:
    given = b"secret" * 100_000
    with trio.fail_after(10):
        assert (await HostCommands().run(["wc", "-c"], given)).stdout.strip() == b"600000"


async def test_a_program_that_leaves_its_input_unread() -> None:
    with trio.fail_after(10):
        assert (await HostCommands().run(["true"], b"x" * 1_000_000)).status == 0


@pytest.mark.parametrize("program", ["/nowhere/vcgencmd", "/dev/null"])
async def test_a_program_that_is_not_there_or_may_not_run(program: str) -> None:
    with pytest.raises(CommandUnavailable, match=program):
        await HostCommands().run([program])


async def test_a_flood_of_output_is_bounded_and_does_not_block_the_child() -> None:
    flood = "import sys; sys.stdout.write('x' * 3_000_000)"
    with trio.fail_after(20):
        result = await HostCommands().run([sys.executable, "-S", "-c", flood])
    assert (result.status, len(result.stdout)) == (0, 65536)


async def test_a_cancelled_command_is_killed_even_if_it_ignores_sigterm() -> None:
    began = time.monotonic()
    with trio.move_on_after(0.3) as scope:
        await HostCommands().run(["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"])
    assert scope.cancelled_caught
    assert time.monotonic() - began < 5


async def test_a_grandchild_that_holds_the_pipes_does_not_hold_the_caller() -> None:
    began = time.monotonic()
    result = await HostCommands().run(["sh", "-c", "echo done; sleep 20 &"])
    assert (result.status, result.stdout) == (0, b"done\n")
    assert time.monotonic() - began < 10
