"""`mrk check-config`: what is wrong with a configuration, without running it."""

import sys
from pathlib import Path

import click

from config.check import check, has_errors
from config.paths import Paths


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def command(paths: Paths, file: Path | None) -> None:
    """Say what is wrong with the configuration, one line each; exit 1 on errors."""
    # Imported here: the checks of add-ons need the event loop's library.
    from nurseries.root.add_ons import AddOns

    lines = check(file, paths, AddOns(lambda _component, _reason: None).check)
    for line in lines:
        click.echo(line)
    sys.exit(1 if has_errors(lines) else 0)
