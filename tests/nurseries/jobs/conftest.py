"""A world without threads. Its tests ask for `autojump_clock` by themselves: pytest-trio looks for
a clock among a test's own arguments only."""

from collections.abc import AsyncIterator

import pytest

from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import World, open_world


@pytest.fixture
def memory_database() -> MemoryDatabase:
    return MemoryDatabase(JOB_MIGRATIONS)


@pytest.fixture
async def world(memory_database: MemoryDatabase) -> AsyncIterator[World]:
    async with open_world(memory_database) as made:
        made.put("a.gcode", "b.gcode", "c.gcode")
        yield made
    memory_database.close()
