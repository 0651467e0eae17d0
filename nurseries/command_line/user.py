"""`mrk user`: users of this printer, for a person at the host who cannot log in.

Passwords are asked for without echo, or read from a pipe; never taken from the command line.
"""

import sys

import click

from config.paths import Paths
from mrk.database.database_protocols import SqlConnection
from mrk.definitions.roles import ROLE_WORDS
from nurseries.command_line import account_changes
from nurseries.command_line.account_store import ROLE_OPTION, rehearse_change, run_change


@click.group("user")
def command() -> None:
    """Users of this printer, for those who cannot log in. A running daemon notices within 2 s."""


@command.command("add")
@click.argument("name")
@ROLE_OPTION
@click.pass_obj
def add_user(paths: Paths, name: str, role: str | None) -> None:
    """Add the user NAME; the password is asked for, or read from standard input."""
    stored = ""

    def change(connection: SqlConnection) -> str:
        return account_changes.add_user(connection, name, stored, role)

    rehearse_change(paths, change)
    stored = _new_password()
    run_change(paths, change)


@command.command("list")
@click.pass_obj
def list_users(paths: Paths) -> None:
    """List the users: name, role, source, since when."""
    run_change(paths, account_changes.list_users)


@command.command("remove")
@click.argument("name")
@click.pass_obj
def remove_user(paths: Paths, name: str) -> None:
    """Remove the user NAME, with all tokens and open connections."""
    run_change(paths, lambda connection: account_changes.remove_user(connection, name))


@command.command("passwd")
@click.argument("name")
@click.pass_obj
def set_password(paths: Paths, name: str) -> None:
    """Give the user NAME a new password, and log it out everywhere."""
    stored = ""

    def change(connection: SqlConnection) -> str:
        return account_changes.set_password(connection, name, stored)

    rehearse_change(paths, change)
    stored = _new_password()
    run_change(paths, change)


@command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLE_WORDS))
@click.pass_obj
def set_role(paths: Paths, name: str, role: str) -> None:
    """Set what the user NAME may do."""
    run_change(paths, lambda connection: account_changes.set_role(connection, name, role))


@command.command("unlock")
@click.pass_obj
def unlock(paths: Paths) -> None:
    """Forget failed log-ins, and let in addresses that were locked out."""
    run_change(paths, account_changes.unlock)


def _new_password() -> str:
    """A new password as it is stored. Raises `ClientError`."""
    if sys.stdin.isatty():
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    return account_changes.hashed(typed)
