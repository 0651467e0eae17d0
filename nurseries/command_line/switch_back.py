"""`mrk switch-back`: Moonraker again, as it was before `mrk install-service --take-over`."""

from pathlib import Path

import click

from config.paths import Paths
from nurseries.installation.daemon_probe import refuse_while_printing
from nurseries.installation.install import owner_of
from nurseries.installation.take_over import Attempts
from nurseries.installation.target_system import TargetSystem


@click.command("switch-back")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_obj
def command(paths: Paths, yes: bool) -> None:
    """Bring back the Moonraker that mrk took over from.

    What was printed meanwhile is written to the data folder as JSON; mrk's database stays there.
    """
    host = TargetSystem()
    attempts = Attempts(host, owner_of(host, paths.data), Path(paths.data), click.echo)
    attempts.expect_something()
    refuse_while_printing(paths.unix_socket, "switch back")
    if not yes:
        click.confirm("mrk will stop, and Moonraker will start. Go on?", abort=True)
    exported = attempts.switch_back()
    if exported is not None:
        click.echo(f"mrk's history is in {exported}")
