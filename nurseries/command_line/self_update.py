"""`mrk self-update`: another release of mrk, which has to prove itself or is given up."""

import json
import sys

import click

from config.paths import Paths
from mrk.errors import MrkError
from mrk.updates.python_package import is_newer
from mrk.version import VERSION
from nurseries.command_line.data_folder import check_owner
from nurseries.installation.install import own_unit, owner_of
from nurseries.installation.release_source import ReleaseSource, read_origin
from nurseries.installation.releases import Releases
from nurseries.installation.self_update import SelfUpdate
from nurseries.installation.target_system import TargetSystem


@click.command("self-update")
@click.option("--check", is_flag=True, help="Only say whether there is a newer release.")
@click.option("--from", "place", help="Address or folder of the releases [where mrk came from].")
@click.option("--json", "as_json", is_flag=True, help="As --check, for programs.")
@click.option("--no-restart", is_flag=True, help="Leave the restart of the service to you.")
@click.pass_obj
def command(paths: Paths, check: bool, place: str | None, as_json: bool, no_restart: bool) -> None:
    """Update mrk to the newest release; it turns back by itself from one that fails.

    Refused while the printer prints. `mrk rollback` goes back later.
    """
    releases = managed_releases()
    origin = read_origin()
    source = ReleaseSource(place or origin.url, origin.public_key)
    release = source.look()
    if as_json:
        newer = is_newer(release.version, VERSION)
        told = {"offered": release.version, "is_newer": newer, "previous": releases.previous()}
        click.echo(json.dumps(told))
        return
    if not is_newer(release.version, VERSION):
        click.echo(f"{VERSION} is the newest; {release.version} is offered")
        return
    click.echo(f"{release.version} is newer than {VERSION}\n{release.notes}".strip())
    if check:
        return
    check_owner(paths)
    update = SelfUpdate(releases, paths, unit_of(paths), click.echo)
    update.install(source, release)
    change_to(update, release.version, restarts=not no_restart)


def change_to(update: SelfUpdate, version: str, *, restarts: bool) -> None:
    """Switch and wait for the proof; ends the command with 1 when the old release is back."""
    if not update.switch(version, restarts=restarts):
        click.echo("restart mrk now: it proves itself, or turns back by itself")
        return
    click.echo("waiting for it to prove itself")
    if not update.outcome(version):
        click.echo(f"{version} did not prove itself: the release before it is, or will be, started")
        sys.exit(1)
    click.echo(f"{version} runs")


def unit_of(paths: Paths) -> str:
    """The service that runs mrk for this data folder."""
    target = TargetSystem()
    return own_unit(target, owner_of(target, paths.data), paths.data)


def managed_releases() -> Releases:
    """Of this mrk. Raises `MrkError` where it was installed in another way."""
    releases = Releases.of_this_process()
    if releases is None:
        raise MrkError("this mrk is no release beside others: update it as it was installed")
    return releases
