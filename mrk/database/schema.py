"""The tables of the database, as steps that lead from one schema version to the next.

Each owner (a subsystem) counts its own versions from 1. A step is never changed once released;
a later one is appended. The database runs what is missing, each step in a transaction.
"""

from collections.abc import Iterable

import msgspec

# Beside the database: what it was before an update of mrk, for an older release.
BEFORE_UPDATE = "mrk.db.before-update"
# "mrkd" in the file's header: says that an SQLite file is ours.
APPLICATION_ID = 0x6D726B64
# Columns of this declared type hold JSON text. SQLite takes any type name; TEXT in it decides.
JSON_COLUMN = "JSON TEXT"
# Never shown by debug.database.table.
SECRET_COLUMNS = frozenset({"password", "salt", "jwt_secret", "key_text", "key_digest"})


class Migration(msgspec.Struct, frozen=True):
    """One step: after it `owner`'s tables are at `version`. `statements` are separate SQL texts."""

    owner: str
    version: int
    statements: tuple[str, ...]


BASE = (
    Migration(
        "database",
        1,
        (
            """CREATE TABLE namespace_store (
                namespace TEXT NOT NULL,
                key TEXT NOT NULL,
                value JSON TEXT NOT NULL,
                PRIMARY KEY (namespace, key)
            )""",
        ),
    ),
    Migration(
        "history",
        1,
        (
            # job_id is shown as upper-case hexadecimal, at least 6 digits.
            # Times are Unix seconds, durations seconds, filament millimetres.
            """CREATE TABLE job_history (
                job_id INTEGER PRIMARY KEY,
                user TEXT,
                filename TEXT,
                status TEXT NOT NULL,
                start_time REAL NOT NULL,
                end_time REAL,
                print_duration REAL NOT NULL DEFAULT 0,
                total_duration REAL NOT NULL DEFAULT 0,
                filament_used REAL NOT NULL DEFAULT 0,
                metadata JSON TEXT NOT NULL DEFAULT '{}',
                auxiliary_data JSON TEXT NOT NULL DEFAULT '[]'
            )""",
            "CREATE INDEX job_history_by_start ON job_history (start_time)",
            # provider `history` holds the classic totals, others are auxiliary fields;
            # total_* fields use total, longest_* use maximum.
            """CREATE TABLE job_totals (
                provider TEXT NOT NULL,
                field TEXT NOT NULL,
                maximum REAL,
                total REAL,
                PRIMARY KEY (provider, field)
            )""",
        ),
    ),
    Migration(
        "users",
        1,
        (
            # password: PBKDF2-HMAC-SHA256, 100,000 rounds, over the salt's bytes; both as
            # hexadecimal text. LDAP users have source `ldap` and no password of their own.
            """CREATE TABLE users (
                username TEXT PRIMARY KEY NOT NULL,
                password TEXT NOT NULL,
                salt TEXT NOT NULL,
                source TEXT NOT NULL,
                created_on REAL NOT NULL,
                jwt_secret TEXT,
                jwk_id TEXT,
                groups JSON TEXT NOT NULL DEFAULT '[]'
            )""",
            """CREATE TABLE api_keys (
                owner TEXT PRIMARY KEY NOT NULL,
                key_text TEXT NOT NULL,
                created_on REAL NOT NULL
            )""",
        ),
    ),
    Migration(
        "users",
        2,
        (
            # password is now text with its own parameters (mrk/access/passwords.py), salt empty;
            # a row with a salt is still as Moonraker wrote it. jwk_id is the key id that the
            # user's tokens carry, NULL once logged out.
            "ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'admin'",
            # key_digest: SHA-256 of the key's text, as hexadecimal text.
            """CREATE TABLE named_keys (
                name TEXT PRIMARY KEY NOT NULL,
                key_digest TEXT NOT NULL,
                role TEXT NOT NULL,
                created_on REAL NOT NULL
            )""",
            # The key that signs tokens, as hexadecimal text; one row.
            """CREATE TABLE signing_keys (
                purpose TEXT PRIMARY KEY NOT NULL,
                key_text TEXT NOT NULL
            )""",
            # kind is address or user, name an address or a hash of a user name; Unix seconds.
            """CREATE TABLE failed_logins (
                kind TEXT NOT NULL,
                name TEXT NOT NULL,
                failures INTEGER NOT NULL,
                last_time REAL NOT NULL,
                PRIMARY KEY (kind, name)
            )""",
        ),
    ),
)


def joined(migrations: Iterable[Migration]) -> tuple[Migration, ...]:
    """The base steps and those of other subsystems; raises `ValueError` on a gap or a repeat."""
    steps = (*BASE, *migrations)
    reached: dict[str, int] = {}
    for step in steps:
        if step.version != reached.get(step.owner, 0) + 1:
            raise ValueError(f"schema of {step.owner}: version {step.version} is out of order")
        reached[step.owner] = step.version
    return steps


def missing(steps: Iterable[Migration], versions: dict[str, int]) -> list[Migration]:
    """The steps that a file at these versions still needs."""
    return [step for step in steps if step.version > versions.get(step.owner, 0)]


def too_new(steps: Iterable[Migration], versions: dict[str, int]) -> list[str]:
    """Owners whose tables were written by a newer mrk than this one."""
    known: dict[str, int] = {}
    for step in steps:
        known[step.owner] = step.version
    return [owner for owner, last in known.items() if versions.get(owner, 0) > last]
