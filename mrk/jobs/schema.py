"""The tables of queue and history, as steps for the database. History's first step is its own."""

from mrk.database.schema import Migration

JOB_MIGRATIONS = (
    Migration(
        "history",
        2,
        (
            # The newest job, which may still turn out to go on: when it began by Klipper's clock,
            # and what it has added to the totals ([provider, field, maximum, total]).
            """CREATE TABLE job_continuation (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                job_id INTEGER NOT NULL,
                start_eventtime REAL NOT NULL,
                counted JSON TEXT NOT NULL DEFAULT '[]'
            )""",
        ),
    ),
    Migration(
        "history",
        3,
        (
            # Prints that were asked for and were not seen to begin, in order.
            """CREATE TABLE job_starts (
                position INTEGER PRIMARY KEY,
                filename TEXT NOT NULL,
                user TEXT
            )""",
        ),
    ),
    Migration(
        "job_queue",
        1,
        (
            # Ordered by position; time_added is Unix seconds, copies are those left.
            """CREATE TABLE job_queue (
                job_id TEXT PRIMARY KEY NOT NULL,
                position INTEGER NOT NULL,
                filename TEXT NOT NULL,
                time_added REAL NOT NULL,
                user TEXT,
                copies INTEGER NOT NULL DEFAULT 1,
                note TEXT
            )""",
            """CREATE TABLE job_queue_state (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                state TEXT NOT NULL,
                held INTEGER NOT NULL,
                confirmed INTEGER NOT NULL,
                printing TEXT
            )""",
        ),
    ),
    Migration(
        "job_queue",
        2,
        (
            # What print_stats showed before the job was started that has the state `starting`.
            "ALTER TABLE job_queue_state ADD COLUMN before JSON TEXT",
        ),
    ),
    Migration(
        "job_queue",
        3,
        (
            # Whether no job was left when the print under way was loaded.
            "ALTER TABLE job_queue_state ADD COLUMN last INTEGER NOT NULL DEFAULT 0",
        ),
    ),
)
