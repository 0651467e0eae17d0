"""`mrk probe`: starts for a moment beside the daemon that runs, on a copy of its database.

Nothing outside is touched: a port and a data folder of its own, no Klipper, no broker, no services.
Says whether this mrk would start; exit code 0 if so. Updates ask it before they switch.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path

import click
import trio

from config.paths import Paths, create_folders
from mrk.errors import MrkError
from nurseries.installation.daemon_probe import ask
from nurseries.installation.database_reading import copy_database
from nurseries.process.free_ports import free_port
from nurseries.root.daemon import run

_ANSWER_S = 40.0
_CONFIGURATION = """\
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {{data_path}}/comms/none.sock
[machine]
provider: none
"""


@click.command("probe")
@click.pass_obj
def command(paths: Paths) -> None:
    """Start for a moment on a copy of the database, and answer; exit 1 if that fails."""
    with tempfile.TemporaryDirectory(prefix="mrk-probe-") as work:
        try:
            own = _prepared(paths, Path(work))
        except (OSError, sqlite3.Error) as exc:
            raise click.ClickException(f"the copy cannot be made: {exc}") from None
        answers = _Answers(own.unix_socket)
        code = run(own, answers.serve)
        shutil.rmtree(own.logs, ignore_errors=True)
    click.echo(answers.told)
    sys.exit(code or (0 if answers.is_good else 1))


class _Answers:
    """Runs beside the daemon and ends it when it has answered, or never will."""

    def __init__(self, unix_socket: Path) -> None:
        self._unix_socket = unix_socket
        self.told = f"no server.info within {_ANSWER_S:.0f} s"
        self.is_good = False

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        with trio.move_on_after(_ANSWER_S):
            while not self.is_good:
                await trio.sleep(0.1)
                await trio.to_thread.run_sync(self._ask, abandon_on_cancel=True)
        os.kill(os.getpid(), signal.SIGTERM)

    def _ask(self) -> None:
        with contextlib.suppress(MrkError):
            version = ask(self._unix_socket, "server.info")["moonraker_version"]
            self.told, self.is_good = f"{version} starts and answers", True


def _prepared(paths: Paths, work: Path) -> Paths:
    own = Paths.resolve(environ={}, data_path=work / "data", nologfile=True)
    create_folders(own)
    (own.config / "moonraker.conf").write_text(_CONFIGURATION.format(port=free_port()))
    database = paths.database / "mrk.db"
    if database.exists():
        copy_database(database, own.database / "mrk.db")
    return own
