"""`mrk rollback`: the release that ran before this one."""

import click

from config.paths import Paths
from mrk.errors import MrkError
from nurseries.command_line.data_folder import check_owner
from nurseries.command_line.self_update import change_to, managed_releases, unit_of
from nurseries.installation.self_update import SelfUpdate


@click.command("rollback")
@click.option("--no-restart", is_flag=True, help="Leave the restart of the service to you.")
@click.pass_obj
def command(paths: Paths, no_restart: bool) -> None:
    """Go back to the release that ran before; it has to prove itself as an update does."""
    check_owner(paths)
    releases = managed_releases()
    version = releases.previous()
    if not version:
        raise MrkError("there is no release before this one")
    update = SelfUpdate(releases, paths, unit_of(paths), click.echo)
    change_to(update, version, restarts=not no_restart)
