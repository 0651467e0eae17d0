"""The tables of estimates, as steps for the database."""

from mrk.database.schema import Migration

ESTIMATE_MIGRATIONS = (
    Migration(
        "analysis",
        1,
        (
            # One row a g-code file: the newest plan, under which limits and of which state of the
            # file it was made. `estimate` is JSON, packed with zlib; times are seconds.
            """CREATE TABLE gcode_plans (
                path TEXT PRIMARY KEY NOT NULL,
                fingerprint TEXT NOT NULL,
                size_bytes INTEGER NOT NULL,
                modified REAL NOT NULL,
                total_time REAL NOT NULL,
                estimate BLOB NOT NULL
            )""",
            # Limits of the printer that was connected last.
            """CREATE TABLE printer_limits (
                id INTEGER PRIMARY KEY CHECK (id = 1),
                limits JSON TEXT NOT NULL
            )""",
            # Files whose time marks mrk wrote: what they were when they were uploaded.
            """CREATE TABLE processed_files (
                path TEXT PRIMARY KEY NOT NULL,
                sha256 TEXT NOT NULL,
                size_bytes INTEGER NOT NULL
            )""",
        ),
    ),
    Migration(
        "analysis",
        2,
        (
            # What a file waits for before its first extrusion, and when that is planned (s).
            "ALTER TABLE gcode_plans ADD COLUMN start_commands TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE gcode_plans ADD COLUMN first_extrusion REAL",
            "ALTER TABLE gcode_plans ADD COLUMN bad_lines INTEGER NOT NULL DEFAULT 0",
            # How long prints took to their first extrusion beyond what was planned (s); the last
            # ones of each text of commands.
            """CREATE TABLE start_times (
                id INTEGER PRIMARY KEY,
                commands TEXT NOT NULL,
                seconds REAL NOT NULL
            )""",
        ),
    ),
)
