"""What the history tells of earlier prints of a file."""

from nurseries.jobs.past_prints import RecordedPrints
from nurseries.testing.memory_database import MemoryDatabase

ROWS = [
    ("a.gcode", "completed", 130.0, 100.0),
    ("a.gcode", "cancelled", 500.0, 100.0),
    ("b.gcode", "completed", 900.0, 100.0),
    ("a.gcode", "completed", 50.0, 0.0),
    ("a.gcode", "completed", 145.0, 100.0),
    ("a.gcode", "completed", 160.0, 100.0),
]


async def test_the_last_completed_prints_count_oldest_first():
    database = MemoryDatabase()

    def fill(connection):
        connection.executemany(
            "INSERT INTO job_history (filename, status, total_duration, print_duration, start_time)"
            " VALUES (?, ?, ?, ?, 1)",
            ROWS,
        )

    await database.run(fill)
    prints = RecordedPrints(database)
    assert await prints.waits("a.gcode", 10) == [30.0, 45.0, 60.0]
    assert await prints.waits("a.gcode", 2) == [45.0, 60.0]
    assert await prints.waits("c.gcode", 10) == []
