"""The rows of the history. Called in the database's thread; what happens twice counts once.

Jobs leave as JSON text put together by SQLite, which runs without the interpreter's lock, so that
thousands of jobs do not hold up the event loop.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.jobs.record import IN_PROGRESS, INTERRUPTED, Amount, Job
from mrk.jobs.starters import AskedPrint

_encode = msgspec.json.encode
_METADATA = "CASE WHEN json_valid(metadata) THEN metadata ELSE '{}' END"
_AUXILIARY = "CASE WHEN json_valid(auxiliary_data) THEN auxiliary_data ELSE '[]' END"
# Everything but `exists`, without the opening brace: file name, its mtime at job time, JSON text.
_SHOWN = f"""
    SELECT job_id, coalesce(filename, ''), json_extract({_METADATA}, '$.modified'), CAST(
        '"job_id":"' || printf('%06X', job_id) || '","user":' || json_quote(user)
        || ',"filename":' || json_quote(coalesce(filename, ''))
        || ',"status":' || json_quote(status)
        || ',"start_time":' || json_quote(start_time) || ',"end_time":' || json_quote(end_time)
        || ',"print_duration":' || json_quote(print_duration)
        || ',"total_duration":' || json_quote(total_duration)
        || ',"filament_used":' || json_quote(filament_used)
        || ',"metadata":' || {_METADATA} || ',"auxiliary_data":' || {_AUXILIARY} || '}}' AS BLOB)
    FROM job_history"""
_TOTALS = (
    "total_jobs", "total_time", "total_print_time", "total_filament_used",
    "longest_job", "longest_print",
)  # fmt: skip
_KEPT = Job.__struct_fields__
ShownRow = tuple[int, str, float | None, bytes]


# The running job


def read_last(connection: SqlConnection) -> Job | None:
    """The job that mrk recorded last; None when there is none or it was deleted."""
    row = connection.execute(
        f"SELECT {', '.join(_KEPT)} FROM job_continuation JOIN job_history USING (job_id)"
    ).fetchone()
    if row is None:
        return None
    columns: dict[str, Any] = dict(zip(_KEPT, row, strict=True))
    for name in ("metadata", "auxiliary_data"):
        columns[name] = msgspec.json.decode(columns[name])
    return Job(**columns)


def add_job(connection: SqlConnection, job: Job, awaited: Iterable[AskedPrint]) -> Job:
    """Store a job that begins, unless it is there; returns it with its id.

    `awaited` are the starts that are awaited now that it has begun.
    """
    keep_starts(connection, awaited)
    last = read_last(connection)
    if last is not None and _is_same(last, job):
        return last
    job_id = connection.execute(
        "INSERT INTO job_history (user, filename, status, start_time, print_duration,"
        " total_duration, filament_used, metadata, auxiliary_data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (job.user, job.filename, job.status, job.start_time, *_figures(job), *_texts(job)),
    ).lastrowid
    assert job_id is not None
    connection.execute(
        "INSERT OR REPLACE INTO job_continuation (id, job_id, start_eventtime) VALUES (1, ?, ?)",
        (job_id, job.start_eventtime),
    )
    return msgspec.structs.replace(job, job_id=job_id)


def _is_same(last: Job, job: Job) -> bool:
    same = (last.filename, last.start_eventtime) == (job.filename, job.start_eventtime)
    return same and last.status == IN_PROGRESS


def keep_figures(connection: SqlConnection, job: Job) -> None:
    """Store how far a running job is."""
    connection.execute(
        "UPDATE job_history SET print_duration = ?, total_duration = ?, filament_used = ?,"
        " auxiliary_data = ? WHERE job_id = ? AND start_time = ? AND status = ?",
        (*_figures(job), _texts(job)[1], job.job_id, job.start_time, IN_PROGRESS),
    )


def move_start(connection: SqlConnection, job: Job, start_time: float) -> bool:
    """The clock was set while a job runs; false when it ended or was deleted before."""
    return bool(
        connection.execute(
            "UPDATE job_history SET start_time = ?"
            " WHERE job_id = ? AND filename = ? AND status = ?",
            (start_time, job.job_id, job.filename, IN_PROGRESS),
        ).rowcount
    )


def finish_job(connection: SqlConnection, job: Job, added: Sequence[Amount]) -> bool:
    """Store the end of a running job and count it; false when it had ended before.

    One that was deleted while it ran is recorded again: who clears the history means what was.
    """
    changed = connection.execute(
        "UPDATE job_history SET status = ?, end_time = ?, print_duration = ?, total_duration = ?,"
        " filament_used = ?, metadata = ?, auxiliary_data = ?"
        " WHERE job_id = ? AND start_time = ? AND status = ?",
        (
            job.status,
            job.end_time,
            *_figures(job),
            *_texts(job),
            job.job_id,
            job.start_time,
            IN_PROGRESS,
        ),
    ).rowcount
    if not changed and not _add_again(connection, job):
        return False
    _count(connection, added)
    _remember_counted(connection, job.job_id, added)
    return True


def _add_again(connection: SqlConnection, job: Job) -> bool:
    """Store a job that has ended under the id that it had; false when that is in use."""
    return job.job_id > 0 and bool(
        connection.execute(
            "INSERT OR IGNORE INTO job_history (job_id, user, filename, status, start_time,"
            " end_time, print_duration, total_duration, filament_used, metadata, auxiliary_data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.job_id,
                job.user,
                job.filename,
                job.status,
                job.start_time,
                job.end_time,
                *_figures(job),
                *_texts(job),
            ),
        ).rowcount
    )


def correct_filament(connection: SqlConnection, job: Job, added_mm: float) -> bool:
    """Store what an ended job used, `added_mm` more than was counted; false when it is gone."""
    changed = connection.execute(
        "UPDATE job_history SET filament_used = ?, auxiliary_data = ?"
        " WHERE job_id = ? AND start_time = ? AND status = ? AND end_time = ?"
        " AND filament_used <= ?",
        (
            job.filament_used,
            _texts(job)[1],
            job.job_id,
            job.start_time,
            job.status,
            job.end_time,
            job.filament_used,
        ),
    ).rowcount
    if not changed:
        return False
    _count(connection, [Amount("history", "total_filament_used", None, added_mm)])
    return True


def reopen_job(connection: SqlConnection, job: Job) -> Job:
    """A job that was thought to have ended goes on; it does not count until it ends."""
    row = connection.execute(
        "SELECT counted FROM job_continuation WHERE job_id = ?", (job.job_id,)
    ).fetchone()
    taken_back = [
        Amount(provider, name, None, None if total is None else -total)
        for provider, name, _maximum, total in (msgspec.json.decode(row[0]) if row else [])
    ]
    _count(connection, taken_back)
    _remember_counted(connection, job.job_id, ())
    connection.execute(
        "UPDATE job_history SET status = ?, end_time = NULL WHERE job_id = ?",
        (IN_PROGRESS, job.job_id),
    )
    return msgspec.structs.replace(job, status=IN_PROGRESS, end_time=None)


def read_starts(connection: SqlConnection) -> list[AskedPrint]:
    """The starts that were awaited last."""
    return connection.execute("SELECT filename, user FROM job_starts ORDER BY position").fetchall()


def keep_starts(connection: SqlConnection, awaited: Iterable[AskedPrint]) -> None:
    """These starts are awaited, and no others."""
    connection.execute("DELETE FROM job_starts")
    add_starts(connection, awaited)


def add_starts(connection: SqlConnection, awaited: Iterable[AskedPrint]) -> None:
    """These are awaited, too."""
    connection.executemany("INSERT INTO job_starts (filename, user) VALUES (?, ?)", awaited)


def interrupt_jobs(connection: SqlConnection) -> None:
    """Jobs found running when the history starts."""
    connection.execute(
        "UPDATE job_history SET status = ? WHERE status = ?", (INTERRUPTED, IN_PROGRESS)
    )


def _figures(job: Job) -> tuple[float, float, float]:
    return job.print_duration, job.total_duration, job.filament_used


def _texts(job: Job) -> tuple[str, str]:
    return _encode(job.metadata).decode(), _encode(job.auxiliary_data).decode()


def _remember_counted(connection: SqlConnection, job_id: int, added: Iterable[Amount]) -> None:
    counted = [(a.provider, a.field, a.maximum, a.total) for a in added]
    connection.execute(
        "UPDATE job_continuation SET counted = ? WHERE job_id = ?",
        (_encode(counted).decode(), job_id),
    )


# Totals


def _count(connection: SqlConnection, added: Iterable[Amount]) -> None:
    for amount in added:
        # Sums never fall below 0: totals may have been reset since a job was counted.
        connection.execute(
            "INSERT INTO job_totals (provider, field, maximum, total) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (provider, field) DO UPDATE SET"
            " maximum = CASE WHEN excluded.maximum IS NULL THEN maximum"
            " ELSE max(coalesce(maximum, excluded.maximum), excluded.maximum) END,"
            " total = CASE WHEN excluded.total IS NULL THEN total"
            " ELSE max(coalesce(total, 0) + excluded.total, 0) END",
            (amount.provider, amount.field, amount.maximum, amount.total),
        )


def read_totals(connection: SqlConnection) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The classic totals, and those of auxiliary fields."""
    rows = connection.execute(
        "SELECT provider, field, maximum, total FROM job_totals ORDER BY provider, field"
    ).fetchall()
    known = {field: (maximum, total) for provider, field, maximum, total in rows
             if provider == "history"}  # fmt: skip
    totals = {}
    for name in _TOTALS:
        maximum, total = known.get(name, (None, None))
        totals[name] = float((total if name.startswith("total_") else maximum) or 0.0)
    auxiliary = [
        {"provider": provider, "field": field, "maximum": maximum, "total": total}
        for provider, field, maximum, total in rows
        if provider != "history"
    ]
    return totals, auxiliary


def reset_totals(
    connection: SqlConnection, zeros: Iterable[Amount]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Forget the totals, so that `zeros` are all there is; returns them as they were."""
    last = read_totals(connection)
    connection.execute("DELETE FROM job_totals")
    _count(connection, zeros)
    connection.execute("UPDATE job_continuation SET counted = '[]'")
    return last


# What clients read


def read_page(
    connection: SqlConnection,
    *,
    before: float | None,
    since: float | None,
    descending: bool,
    limit: int,
    skip: int = 0,
    after_id: int | None = None,
) -> list[ShownRow]:
    """Jobs in order of id, following the job `after_id`."""
    where = ["1"]
    values: list[float] = []
    if before is not None:
        where.append("end_time < ?")
        values.append(before)
    if since is not None:
        where.append("start_time > ?")
        values.append(since)
    if after_id is not None:
        where.append("job_id < ?" if descending else "job_id > ?")
        values.append(after_id)
    order = "DESC" if descending else "ASC"
    sql = f"{_SHOWN} WHERE {' AND '.join(where)} ORDER BY job_id {order} LIMIT ? OFFSET ?"
    return connection.execute(sql, (*values, limit, skip)).fetchall()


def read_job(connection: SqlConnection, job_id: int) -> ShownRow | None:
    """One job; None when there is none."""
    row: ShownRow | None = connection.execute(f"{_SHOWN} WHERE job_id = ?", (job_id,)).fetchone()
    return row


def delete_job(connection: SqlConnection, job_id: int) -> bool:
    """Whether there was such a job."""
    sql = "DELETE FROM job_history WHERE job_id = ?"
    return connection.execute(sql, (job_id,)).rowcount > 0


def delete_all(connection: SqlConnection) -> list[int]:
    """The ids of all jobs that there were."""
    rows = connection.execute("SELECT job_id FROM job_history ORDER BY job_id").fetchall()
    connection.execute("DELETE FROM job_history")
    return [job_id for (job_id,) in rows]
