"""Times from the start of a print to its first extrusion, learned from the prints of this printer.

Told by start commands: files that begin with the same macro begin alike. `serve` follows the job
state until cancelled and notes each print that it saw from start to end. They stand beside plans,
and are added to none.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import trio

from mrk.database.database_protocols import SqlConnection, TablesPort
from mrk.errors import ClientError
from mrk.estimate.start_watch import StartWatch
from mrk.jobs.job_protocols import JobStatePort, PastPrints
from nurseries.analysis.plan_store import KnownTime

logger = logging.getLogger(__name__)
EVENTS = 64
# The last prints count; macros change.
PRINTS_LIMIT = 10
COMMANDS_LIMIT = 200


class StartTime(msgspec.Struct, frozen=True):
    """The median (s) of the last `prints`."""

    seconds: float
    prints: int


class StartTimes:
    """`find` gives what is known of a file's plan, and has it planned if it has none."""

    def __init__(
        self,
        job_state: JobStatePort,
        database: TablesPort,
        past_prints: PastPrints,
        find: Callable[[str], Awaitable[KnownTime]],
    ) -> None:
        self._job_state = job_state
        self._database = database
        self._past_prints = past_prints
        self._find = find
        self._known: dict[str, list[float]] = {}

    def of(self, commands: str) -> StartTime | None:
        """What is learned of files with these start commands."""
        seconds = self._known.get(commands)
        return StartTime(_median(seconds), len(seconds)) if seconds else None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when what was stored is known."""
        watch = StartWatch()
        with self._job_state.open_events("start times", EVENTS) as events:
            try:
                self._known = await self._database.run(_read)
            except ClientError as exc:
                logger.warning("start times are not known: %s", exc.message)
            task_status.started()
            async for event in events:
                if (seen := watch.take(event)) is not None:
                    await self._note(seen.filename, seen.seconds)

    async def _note(self, filename: str, seconds: float) -> None:
        try:
            known = await self._find(filename)
        except ClientError as exc:
            logger.info("how %s began is not noted: %s", filename, exc.message)
            return
        await self._learn(known, [seconds])

    async def look_back(self, path: str, known: KnownTime) -> None:
        """A file was planned: learn from its prints of before, unless there are better ones.

        The history does not tell their pauses; prints that are seen replace them.
        """
        if not known.start_commands or known.start_commands in self._known:
            return
        try:
            waits = await self._past_prints.waits(path, PRINTS_LIMIT)
        except ClientError as exc:
            logger.info("earlier prints of %s are not known: %s", path, exc.message)
            return
        await self._learn(known, waits)

    async def _learn(self, known: KnownTime, waits: list[float]) -> None:
        commands = known.start_commands
        if not commands or not waits:
            return
        # What the plan has before the first extrusion is in its time.
        planned = known.first_extrusion or 0.0
        seconds = [max(0.0, wait - planned) for wait in waits]
        kept = (self._known.pop(commands, []) + seconds)[-PRINTS_LIMIT:]
        self._known[commands] = kept
        gone = list(self._known)[:-COMMANDS_LIMIT]
        for name in gone:
            del self._known[name]
        try:
            await self._database.run(partial(_write, commands=commands, kept=kept, gone=gone))
        except ClientError as exc:
            logger.warning("start times are not stored: %s", exc.message)


def _median(seconds: list[float]) -> float:
    """The lower one of two in the middle; the module `statistics` would cost 2 MB."""
    return sorted(seconds)[(len(seconds) - 1) // 2]


def _read(connection: SqlConnection) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for commands, seconds in connection.execute(
        "SELECT commands, seconds FROM start_times ORDER BY id"
    ):
        # In the order of the last print of each.
        found[commands] = [*found.pop(commands, []), seconds]
    return found


def _write(connection: SqlConnection, commands: str, kept: list[float], gone: list[str]) -> None:
    connection.executemany(
        "DELETE FROM start_times WHERE commands = ?", [(name,) for name in (*gone, commands)]
    )
    connection.executemany(
        "INSERT INTO start_times (commands, seconds) VALUES (?, ?)",
        [(commands, seconds) for seconds in kept],
    )
