"""The way of `mrk user` and `mrk key` to the database, whether a daemon runs or not.

A daemon holds the folder's lock; then its file is opened beside it, as SQLite allows: it notices
within seconds. Without one the file is opened as a daemon would, checked and migrated.
"""

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator

import click

from config.paths import Paths
from mrk.database.database_protocols import SqlConnection
from mrk.database.schema import joined, missing, too_new
from mrk.definitions.roles import ROLE_WORDS
from mrk.errors import MrkError
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.command_line.data_folder import check_owner
from nurseries.database.lock import DatabaseInUse
from nurseries.database.opening import DatabaseLocation, connect, open_database, schema_versions
from nurseries.database.transaction import transaction

# The daemon's own writes take milliseconds; a compaction takes longer.
_BUSY_S = 10.0


ROLE_OPTION = click.option(
    "--role",
    type=click.Choice(ROLE_WORDS),
    help="What may be done: look, print too, or everything (the default).",
)


def run_change(paths: Paths, change: Callable[[SqlConnection], str]) -> None:
    """Make a change of accounts and print what it says. Raises `MrkError`."""
    click.echo(change_accounts(paths, change))


def change_accounts(paths: Paths, change: Callable[[SqlConnection], str]) -> str:
    """Run `change` in one transaction, and return what it says. Raises `MrkError`."""
    place = DatabaseLocation(
        paths.data / "database", paths.data / "backup/database", joined(JOB_MIGRATIONS)
    )
    check_owner(paths)
    try:
        with open_database(place) as connection:
            for warning in place.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            return transaction(change, durable=True)(connection)
    except DatabaseInUse:
        with _beside_a_daemon(place) as connection:
            return transaction(change, durable=True)(connection)


class _Rehearsed(Exception):
    """A change could be made, and is undone."""


def rehearse_change(paths: Paths, change: Callable[[SqlConnection], str]) -> None:
    """Raises what `change` would raise, and changes nothing: before a password is asked for."""

    def undone(connection: SqlConnection) -> str:
        change(connection)
        raise _Rehearsed

    with contextlib.suppress(_Rehearsed):
        change_accounts(paths, undone)


@contextlib.contextmanager
def _beside_a_daemon(place: DatabaseLocation) -> Iterator[sqlite3.Connection]:
    try:
        opened = connect(place.file, _BUSY_S)
    except sqlite3.Error as exc:
        raise MrkError(f"database {place.file}: {exc}") from exc
    with contextlib.closing(opened) as connection:
        try:
            versions = schema_versions(connection)
        except sqlite3.Error as exc:
            raise MrkError(f"database {place.file}: {exc}; try again") from exc
        if missing(place.steps, versions) or too_new(place.steps, versions):
            raise MrkError("the daemon that runs is of another version: restart it, then try again")
        yield connection
