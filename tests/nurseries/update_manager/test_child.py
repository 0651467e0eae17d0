"""Child processes: lines as they come, limits, and groups that are ended whole."""

import os
import time
from pathlib import Path

import pytest
import trio

from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.child import MOST_LINES, ChildCommand, ChildRunner

pytestmark = pytest.mark.e2e


@pytest.fixture
def runner():
    return ChildRunner(niceness=0)


def shell(script, **limits):
    return ChildCommand(argv=["sh", "-c", script], shown="it", **{"deadline_s": 30.0, **limits})


async def test_lines_come_one_by_one(runner):
    told = []
    result = await runner.run(shell("echo a; printf 'b\\rc\\n  d  '; echo e >&2"), told.append)
    assert sorted(told) == ["a", "b", "c", "d", "e"]
    assert (result.status, result.out, result.err) == (0, "a\nb\rc\n  d  ", "e\n")


async def test_too_many_lines_are_not_told(runner):
    told = []
    await runner.run(shell(f"seq {MOST_LINES + 100}"), told.append)
    assert len(told) == MOST_LINES
    assert told[-1] == "... (more output is not shown)"


async def test_a_failure_says_its_last_words(runner):
    with pytest.raises(UpdateFailed, match=r"it failed \(3\): no room"):
        await runner.check(shell("echo no room >&2; exit 3"))


async def test_a_program_that_is_not_there(runner):
    with pytest.raises(UpdateFailed, match="cannot be run"):
        await runner.run(ChildCommand(argv=["/no/such"], shown="it", deadline_s=1))


async def test_input_is_given_and_not_told(runner):
    told = []
    command = ChildCommand(argv=["wc", "-c"], shown="it", deadline_s=30, given=b"12345")
    await runner.run(command, told.append)
    assert told == ["5"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"deadline_s": 1.5}, "did not end within"), ({"quiet_s": 1.5}, "said nothing for 1.5 s")],
)
async def test_limits_end_the_whole_group(runner, tmp_path, limits, said):
    script = f"sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/pid; sleep 60; sleep 60' & wait"
    with pytest.raises(UpdateFailed, match=said):
        await runner.run(shell(script, **limits))
    _is_gone(int((tmp_path / "pid").read_text()))


def _is_gone(pid):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} is still there")


async def test_output_resets_the_silence(runner):
    result = await runner.run(shell("for i in 1 2 3 4; do echo $i; sleep 0.3; done", quiet_s=5.0))
    assert result.out == "1\n2\n3\n4\n"


async def test_a_cancelled_run_ends_its_group(runner, tmp_path):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run, shell(f"echo $$ > {tmp_path}/pid; sleep 60"))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():  # noqa: ASYNC110
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
