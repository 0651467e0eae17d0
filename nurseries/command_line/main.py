"""The command line of mrk; without a command it runs the daemon.

`COMMANDS` is the one table: each command is a file of its own, with a click command called
`command`. Only loaded by `mrk/__main__.py`, and not for a daemon that a service starts.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from config.config_errors import ConfigError
from config.daemon_options import DAEMON_OPTIONS
from config.moonraker_arguments import without_program
from config.paths import Paths
from mrk.version import VERSION
from nurseries.command_line.command_table import CommandEntry, CommandTable
from nurseries.command_line.quiet_end import print_to

# In the order of the alphabet, as `mrk --help` shows them.
COMMANDS: Mapping[str, CommandEntry] = {
    "api": ("api", "Print the schema of the API, generated from its declarations."),
    "backup": ("backup", "Back up this installation, and bring it back."),
    "call": ("call", "Call METHOD with key=value arguments on a running daemon."),
    "check-config": ("check_config", "Say what is wrong with the configuration."),
    "demo": ("demo", "Run the daemon on a virtual printer, in a data folder of its own."),
    "doctor": ("doctor", "Say what is wrong with this installation, and what to do about it."),
    "estimate": ("estimate", "Print how long Klipper takes to print g-code FILES."),
    "frontend": ("frontend", "Front ends that mrk serves, without nginx."),
    "import-moonraker": (
        "import_moonraker",
        "Take over the database of the Moonraker in FOLDER, once.",
    ),
    "install-service": ("install_service", "Run mrk as a service that starts with the machine."),
    "key": ("key", "Named API keys, for programs."),
    "metadata": ("metadata", "Print what is found in g-code FILES."),
    "probe": ("probe", "Start for a moment on a copy of the database, and answer."),
    "rollback": ("rollback", "Go back to the release that ran before."),
    "self-update": ("self_update", "Update mrk to the newest release."),
    "switch-back": ("switch_back", "Bring back the Moonraker that mrk took over from."),
    "template": ("template", "Show what a template gives."),
    "user": ("user", "Users of this printer, for those who cannot log in."),
    "virtual-printer": ("virtual_printer", "Serve a printer without hardware on SOCKET."),
    "watch": ("watch", "Print notifications of a running daemon, and changes of OBJECTS."),
}


class _GivenPath(click.Path):
    """A path; an empty one, of a variable that is not set, would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click has it; an empty text is a mistake."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


def _paths(options: dict[str, Any]) -> Paths:
    try:
        return Paths.resolve(environ=os.environ, **options)
    except ConfigError as exc:
        raise click.ClickException(str(exc)) from exc


def _daemon_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(DAEMON_OPTIONS):
        declare = click.option(
            option.short,
            option.long,
            option.name,
            # A flag that is not given leaves the choice to the environment.
            **(
                {"is_flag": True, "default": None}
                if option.is_flag
                else {"type": _GivenPath(path_type=Path)}
            ),
            help=option.help,
        )
        command = declare(command)
    return command


@click.group(
    cls=CommandTable,
    entries=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@_daemon_options
@click.version_option(VERSION, prog_name="mrk")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """The daemon between Klipper and everything people print with.

    Without a command the daemon runs. Every option may also come from Moonraker's environment
    variables (MOONRAKER_DATA_PATH and so on); options win.
    """
    context.obj = _paths(options)
    if context.invoked_subcommand is None:
        from nurseries.root.daemon import run

        sys.exit(run(context.obj))


def run_command() -> None:
    """Read the command line and run what it says; ends with `SystemExit`."""
    print_to(1)
    try:
        sys.exit(main(without_program(sys.argv[1:]), standalone_mode=False))
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except click.Abort as exc:
        # A prompt makes one of Ctrl-C and of the end of the input.
        if isinstance(exc.__context__, EOFError):
            click.echo("mrk: the input ended before the answer", err=True)
            sys.exit(1)
        raise KeyboardInterrupt from None
