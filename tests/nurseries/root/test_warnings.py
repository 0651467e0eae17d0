"""What subsystems find out while they run is told by the next server.info."""

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
