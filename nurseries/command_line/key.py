"""`mrk key`: named API keys, for programs."""

import click

from config.paths import Paths
from nurseries.command_line import account_changes
from nurseries.command_line.account_store import ROLE_OPTION, run_change


@click.group("key")
def command() -> None:
    """Named API keys, for programs. A running daemon notices within 2 s."""


@command.command("create")
@click.argument("name")
@ROLE_OPTION
@click.pass_obj
def create_key(paths: Paths, name: str, role: str | None) -> None:
    """Make the key NAME and print it; it cannot be shown again."""
    run_change(paths, lambda connection: account_changes.create_key(connection, name, role))


@command.command("list")
@click.pass_obj
def list_keys(paths: Paths) -> None:
    """List the keys: name, role, since when."""
    run_change(paths, account_changes.list_keys)


@command.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_key(paths: Paths, name: str) -> None:
    """Revoke the key NAME; connections that came with it are shut out."""
    run_change(paths, lambda connection: account_changes.revoke_key(connection, name))
