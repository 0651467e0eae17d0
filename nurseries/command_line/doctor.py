"""`mrk doctor`: what is wrong with this installation, and what to do about it."""

import os
import sys
from pathlib import Path

import click

from config.paths import Paths
from mrk.installation.checkup import Level, page, worst
from nurseries.command_line.own_command import own_command
from nurseries.installation.doctor import Doctor, who_runs
from nurseries.installation.install import own_unit, owner_of
from nurseries.installation.support_bundle import write_bundle
from nurseries.installation.target_system import HostUser, TargetSystem


@click.command("doctor")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="Write logs, configuration and versions to FILE, without secrets, addresses and names.",
)
@click.pass_obj
def command(paths: Paths, bundle: Path | None) -> None:
    """Say what is wrong with this installation, and what to do about it; exit 1 on errors."""
    target = TargetSystem()
    user = _user(target, paths.data)
    findings = Doctor(paths, user, target).findings()
    told = page(findings, own_command(paths))
    click.echo(told)
    if bundle is not None:
        size = write_bundle(bundle.absolute(), paths, user, told)
        click.echo(f"\n{bundle}: {size // 1024} KiB. Look into it before you give it away.")
    sys.exit(1 if worst(findings) is Level.ERROR else 0)


def _user(target: TargetSystem, data: Path) -> HostUser:
    asker = target.user_of(os.getuid())
    if not data.exists():
        return asker
    owner = owner_of(target, data)
    return who_runs(owner, asker, own_unit(target, owner, data))
