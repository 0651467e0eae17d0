"""The tables of the spool ledger, as steps for the database."""

from mrk.database.schema import Migration

SPOOL_MIGRATIONS = (
    Migration(
        "spool_ledger",
        1,
        (
            # One row a spool, lengths in mm. `pending_mm` is below 0 while retractions are held
            # back; `sending_mm` is what was sent, or was about to be, and has no answer yet, with
            # the spool as it was before. `registered` tells a spool from a later one of its id.
            """CREATE TABLE spool_ledger (
                spool_id INTEGER PRIMARY KEY NOT NULL,
                pending_mm REAL NOT NULL,
                sending_mm REAL,
                used_before_mm REAL,
                last_used_before TEXT,
                lost_mm REAL NOT NULL,
                registered TEXT,
                missing INTEGER NOT NULL
            )""",
            # How far Klipper's extruders were when the rows above were written.
            """CREATE TABLE spool_usage (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                unassigned_mm REAL NOT NULL,
                vanished INTEGER NOT NULL,
                extruders JSON TEXT NOT NULL
            )""",
        ),
    ),
)
