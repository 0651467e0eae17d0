"""`mrk backup`: archives of configuration, database, identifiers and allowed services."""

import time
from pathlib import Path

import click

from config.paths import Paths
from nurseries.command_line.data_folder import check_owner
from nurseries.installation.backup import create_backup, list_backups, read_manifest
from nurseries.installation.restore import restore_backup

_FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where the archives are [<data>/backup/installation].",
)


@click.group("backup")
def command() -> None:
    """Back up this installation, and bring it back."""


@command.command("create")
@_FOLDER
@click.option("--without-secrets", is_flag=True, help="Leave out passwords, keys and users.")
@click.pass_obj
def create(paths: Paths, folder: Path | None, without_secrets: bool) -> None:
    """Write an archive of configuration, database, identifiers and allowed services."""
    check_owner(paths)
    made = create_backup(paths, folder or paths.backups, with_secrets=not without_secrets)
    click.echo(str(made))


@command.command("list")
@_FOLDER
@click.pass_obj
def show(paths: Paths, folder: Path | None) -> None:
    """List the archives, newest first."""
    backups = list_backups(folder or paths.backups)
    if not backups:
        click.echo(f"There are no backups in {folder or paths.backups}.")
    for backup in backups:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(backup.manifest.created_on))
        secrets = "with secrets" if backup.manifest.with_secrets else "without secrets"
        size = f"{backup.size_bytes // 1024:>8} KiB"
        click.echo(f"{made}  {size}  {backup.manifest.version:<8} {secrets:<15} {backup.path}")


@command.command("restore")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_obj
def restore(paths: Paths, archive: Path, yes: bool) -> None:
    """Take the state of ARCHIVE; what was there is backed up first. Refused while printing."""
    if paths.data.exists():
        check_owner(paths)
    read_manifest(archive)
    if not yes:
        click.confirm(f"Replace configuration and database of {paths.data}?", abort=True)
    kept = restore_backup(paths, archive)
    click.echo(f"Restored. What was there: {kept}")
