"""`mrk import-moonraker`: takes over what a Moonraker has kept, once."""

import sys
from pathlib import Path

import click

from config.paths import Paths
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.command_line.data_folder import check_owner
from nurseries.database.importer import run_import


@click.command("import-moonraker")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Take what has changed since the last import.")
@click.option("--everything", is_flag=True, help="Take all of it as at the first import.")
@click.pass_obj
def command(paths: Paths, folder: Path, again: bool, everything: bool) -> None:
    """Take over the database of the Moonraker in FOLDER, once.

    FOLDER is its data folder, or the database itself. The old database is only read.
    """
    check_owner(paths)
    sys.exit(
        run_import(paths.data, folder, again or everything, JOB_MIGRATIONS, everything=everything)
    )
