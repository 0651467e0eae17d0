"""What the history tells of earlier prints of a file; implements `PastPrints`."""

from functools import partial

from mrk.database.database_protocols import SqlConnection, TablesPort


class RecordedPrints:
    """Reads the history's rows."""

    def __init__(self, database: TablesPort) -> None:
        self._database = database

    async def waits(self, filename: str, limit: int) -> list[float]:
        """`PastPrints.waits`."""
        return await self._database.run(partial(_read_waits, filename=filename, limit=limit))


def _read_waits(connection: SqlConnection, filename: str, limit: int) -> list[float]:
    rows = connection.execute(
        "SELECT total_duration - print_duration FROM job_history WHERE filename = ?"
        " AND status = 'completed' AND print_duration > 0 AND total_duration >= print_duration"
        " ORDER BY job_id DESC LIMIT ?",
        (filename, limit),
    )
    return [seconds for (seconds,) in rows][::-1]
