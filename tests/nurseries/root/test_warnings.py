"""What subsystems find out while they run is told by the next server.info."""

from typing import Any

import pytest

from mrk.supervision import SupervisionState, flat
from nurseries.testing.memory import open_memory_daemon


async def test_warnings_that_come_later_are_told(autojump_clock: object) -> None:
    async with open_memory_daemon() as daemon, daemon.connect() as client:
        subsystems = daemon.generation.subsystems
        before = (await client.call("server.info"))["warnings"]
        subsystems.store.warnings.append("warning 0")
        subsystems.files.warnings.append("warning 1")
        subsystems.machine.warnings.append("warning 2")
        told = (await client.call("server.info"))["warnings"]
    assert told == [*before, "warning 0", "warning 1", "warning 2"]


async def test_warnings_of_optional_parts_are_told_as_they_are_now(autojump_clock: object) -> None:
    found: list[str] = []
    async with open_memory_daemon() as daemon, daemon.connect() as client:

        async def told() -> Any:
            return (await client.call("server.info"))["warnings"]

        before = await told()
        daemon.generation.subsystems.optional.added.warnings.append(lambda: list(found))
        found.append("no camera")
        assert await told() == [*before, "no camera"]
        found[:] = ["no disk"]
        assert await told() == [*before, "no disk"]
        found.clear()
        assert await told() == before


async def test_lines_of_a_warning_are_html_unless_raw_is_asked_for(autojump_clock: object) -> None:
    async with open_memory_daemon() as daemon, daemon.connect() as client:
        daemon.generation.subsystems.machine.warnings.append("one\ntwo")
        for raw, text in ((False, "one<br/>two"), (True, "one\ntwo"), (False, "one<br/>two")):
            assert text in (await client.call("server.info", raw=raw))["warnings"]


@pytest.mark.parametrize("name", ["announcements", "history"])
async def test_a_crash_is_told_until_the_part_runs_again(autojump_clock: object, name: str) -> None:
    async with open_memory_daemon() as daemon, daemon.connect() as client:

        async def failed() -> Any:
            info = await client.call("server.info")
            given_up = [w for w in info["warnings"] if w.startswith(f"{name} does not run")]
            return info["failed_components"], given_up

        part = next(p for p in flat(daemon.generation.supervisions) if p.name == name)
        assert await failed() == ([], [])
        part.crashed = True
        part.enter(SupervisionState.WAITING, 1.0, "a bug")
        assert await failed() == ([name], [])
        part.enter(SupervisionState.RUNNING, 2.0)
        assert await failed() == ([], [])
        part.enter(SupervisionState.FAILED, 3.0)
        assert await failed() == ([name], [f"{name} does not run: a bug"])


async def test_roots_that_come_later_are_told(autojump_clock: object) -> None:
    async with open_memory_daemon() as daemon, daemon.connect() as client:
        before = (await client.call("server.info"))["registered_directories"]
        daemon.generation.subsystems.files.registered_directories.append("timelapse")
        told = (await client.call("server.info"))["registered_directories"]
    assert told == [*before, "timelapse"]
