"""`mrk install-service`: mrk as a service that starts with the machine."""

import os
import shlex
import subprocess
from pathlib import Path

import click

from nurseries.installation.install import (
    Installation,
    InstallOptions,
    installed,
    own_program,
    uninstall,
)
from nurseries.installation.target_system import TargetSystem

_PATH = click.Path(path_type=Path)


@click.command("install-service")
@click.option("--user", help="Who runs mrk [you].")
@click.option("--data", type=_PATH, help="Data folder [~/printer_data of that user].")
@click.option("--name", help="Name of the unit [the one it has; mrk, or as Moonraker's ends].")
@click.option("--take-over", is_flag=True, help="Replace the Moonraker that serves this folder.")
@click.option("--keep-name", is_flag=True, help="With --take-over: change its unit by a drop-in.")
@click.option("--lan", is_flag=True, help="A new configuration lets in private networks.")
@click.option(
    "--root", type=_PATH, default=Path("/"), help="Folder that stands for /, of an image."
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, and end.")
@click.option("--uninstall", "remove", is_flag=True, help="Remove what was installed.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_context
def command(context: click.Context, /, remove: bool, dry_run: bool, yes: bool, root: Path,
            **options: object) -> None:  # fmt: skip
    """Run mrk as a service that starts with the machine.

    Everything that will be written is shown first. System files are written through sudo. With
    --take-over mrk serves on Moonraker's port under Moonraker's name, or everything is put back.
    """
    host = TargetSystem(root.absolute())
    wanted = _wanted(context, {**options, "removes": remove})
    if remove:
        _uninstall(host, wanted, yes)
    else:
        _install(host, wanted, dry_run=dry_run, yes=yes)


def _wanted(context: click.Context, options: dict[str, object]) -> InstallOptions:
    before = context.parent.params if context.parent is not None else {}
    daemon = {name: value for name, value in before.items() if value is not None}
    given = daemon.pop("data_path", None)
    data = options.pop("data") or given
    return InstallOptions(
        program=own_program(),
        data=data.absolute() if isinstance(data, Path) else None,
        private_networks=bool(options.pop("lan")),
        daemon=daemon,
        **options,  # type: ignore[arg-type]
    )


def _install(host: TargetSystem, wanted: InstallOptions, *, dry_run: bool, yes: bool) -> None:
    installation = Installation(host, wanted)
    if dry_run:
        for path, text in installation.texts():
            click.echo(f"--- {path}\n{text}")
        return
    if installation.is_done:
        click.echo("Everything is as it should be; nothing was changed.")
        return
    installation.expect_possible()
    _ask([f"  {line}" for line in installation.told()], yes)
    installation.install(click.echo)
    click.echo(_goodbye(installation))


def _uninstall(host: TargetSystem, wanted: InstallOptions, yes: bool) -> None:
    installation = Installation(host, wanted)
    record = installed(host, installation.user, installation.data)
    _ask([f"  stop {record.name}.service and remove what was installed"], yes)
    for path in uninstall(host, installation.user, installation.data):
        click.echo(f"left, because it was changed: {path}")


def _ask(lines: list[str], yes: bool) -> None:
    click.echo("mrk will do this:\n" + "\n".join(lines))
    if not yes:
        click.confirm("Go on?", abort=True)
    if os.geteuid() != 0:
        # The one place where a password may be asked for.
        try:
            subprocess.run(["sudo", "-v"], check=False)
        except OSError as exc:
            told = f"sudo cannot be run ({exc.strerror}): do this as root, with --user"
            raise click.ClickException(told) from None


def _goodbye(installation: Installation) -> str:
    data = installation.data
    program = shlex.join([*installation.unit.command[:1], "-d", str(data)])
    return (
        f"mrk serves {data}. Is something wrong? {program} doctor\n"
        f"A front end reaches it on port 7125 of this machine unless moonraker.conf says otherwise;"
        f" log-ins: {program} user add NAME"
    )
