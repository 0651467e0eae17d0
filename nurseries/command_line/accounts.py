"""The click commands `mrk user` and `mrk key`.

Passwords are asked for without echo, or read from a pipe; never taken from the command line.
"""

import sys
from collections.abc import Callable
from typing import Any

import click

from config.paths import Paths
from mrk.definitions.roles import ROLE_WORDS

_ROLE = click.option(
    "--role",
    type=click.Choice(ROLE_WORDS),
    help="What may be done: look, print too, or everything (the default).",
)


@click.group()
def user() -> None:
    """Users of this printer, for those who cannot log in. A running daemon notices within 2 s."""


@user.command("add")
@click.argument("name")
@_ROLE
@click.pass_obj
def add_user(paths: Paths, name: str, role: str | None) -> None:
    """Add the user NAME; the password is asked for, or read from standard input."""
    from nurseries.command_line import account_changes

    stored = _new_password()
    _run(paths, lambda connection: account_changes.add_user(connection, name, stored, role))


@user.command("list")
@click.pass_obj
def list_users(paths: Paths) -> None:
    """List the users: name, role, source, since when."""
    from nurseries.command_line import account_changes

    _run(paths, account_changes.list_users)


@user.command("remove")
@click.argument("name")
@click.pass_obj
def remove_user(paths: Paths, name: str) -> None:
    """Remove the user NAME, with all tokens and open connections."""
    from nurseries.command_line import account_changes

    _run(paths, lambda connection: account_changes.remove_user(connection, name))


@user.command("passwd")
@click.argument("name")
@click.pass_obj
def set_password(paths: Paths, name: str) -> None:
    """Give the user NAME a new password, and log it out everywhere."""
    from nurseries.command_line import account_changes

    stored = _new_password()
    _run(paths, lambda connection: account_changes.set_password(connection, name, stored))


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLE_WORDS))
@click.pass_obj
def set_role(paths: Paths, name: str, role: str) -> None:
    """Set what the user NAME may do."""
    from nurseries.command_line import account_changes

    _run(paths, lambda connection: account_changes.set_role(connection, name, role))


@user.command("unlock")
@click.pass_obj
def unlock(paths: Paths) -> None:
    """Forget failed log-ins, and let in addresses that were locked out."""
    from nurseries.command_line import account_changes

    _run(paths, account_changes.unlock)


@click.group()
def key() -> None:
    """Named API keys, for programs. A running daemon notices within 2 s."""


@key.command("create")
@click.argument("name")
@_ROLE
@click.pass_obj
def create_key(paths: Paths, name: str, role: str | None) -> None:
    """Make the key NAME and print it; it cannot be shown again."""
    from nurseries.command_line import account_changes

    _run(paths, lambda connection: account_changes.create_key(connection, name, role))


@key.command("list")
@click.pass_obj
def list_keys(paths: Paths) -> None:
    """List the keys: name, role, since when."""
    from nurseries.command_line import account_changes

    _run(paths, account_changes.list_keys)


@key.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_key(paths: Paths, name: str) -> None:
    """Revoke the key NAME; connections that came with it are shut out."""
    from nurseries.command_line import account_changes

    _run(paths, lambda connection: account_changes.revoke_key(connection, name))


def _new_password() -> str:
    """A new password as it is stored."""
    from mrk.errors import ClientError
    from nurseries.command_line import account_changes

    if sys.stdin.isatty():
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    try:
        return account_changes.hashed(typed)
    except ClientError as exc:
        raise click.ClickException(exc.message) from None


def _run(paths: Paths, change: Callable[[Any], str]) -> None:
    from mrk.errors import MrkError
    from nurseries.command_line.account_store import change_accounts

    try:
        click.echo(change_accounts(paths, change))
    except MrkError as exc:
        raise click.ClickException(str(exc)) from None
