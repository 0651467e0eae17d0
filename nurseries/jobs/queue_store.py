"""The rows of the job queue: read whole, written by difference. Called in the database's thread."""

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.jobs.print_stats import PrintStats
from mrk.jobs.queue import Queue, QueuedJob, QueueState

_COLUMNS = "job_id, filename, time_added, user, copies, note, position"


def read_queue(connection: SqlConnection) -> Queue:
    """The stored queue; an empty one at first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM job_queue ORDER BY position").fetchall()
    row = connection.execute(
        "SELECT state, held, confirmed, printing, before, last FROM job_queue_state"
    ).fetchone()
    state, held, confirmed, printing, text, last = row or (QueueState.PAUSED, 0, 0, None, None, 0)
    jobs = tuple(QueuedJob(*job) for job in rows)
    before = None if text is None else msgspec.json.decode(text, type=PrintStats)
    return Queue(jobs, QueueState(state), bool(held), bool(confirmed), printing, before, bool(last))


def write_queue(connection: SqlConnection, old: Queue, new: Queue) -> None:
    """Make the stored queue `new`, where it is `old` now."""
    before = {job.job_id: job for job in old.jobs}
    after = {job.job_id: job for job in new.jobs}
    gone = [(job_id,) for job_id in before if job_id not in after]
    changed = [
        msgspec.structs.astuple(job) for job_id, job in after.items() if before.get(job_id) != job
    ]
    connection.executemany("DELETE FROM job_queue WHERE job_id = ?", gone)
    connection.executemany(
        f"INSERT OR REPLACE INTO job_queue ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", changed
    )
    connection.execute(
        "INSERT OR REPLACE INTO job_queue_state (id, state, held, confirmed, printing, before,"
        " last) VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            new.state.value,
            new.held,
            new.confirmed,
            new.printing,
            None if new.before is None else msgspec.json.encode(new.before).decode(),
            new.last,
        ),
    )
