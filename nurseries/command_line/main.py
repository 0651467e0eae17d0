"""The command line of mrk; without a command it runs the daemon.

Everything heavy is imported inside the command that needs it, because start-up time counts. Only
loaded by `mrk/__main__.py`, and not for a daemon that a service starts.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from config.config_errors import ConfigError
from config.daemon_options import DAEMON_OPTIONS
from config.paths import Paths
from mrk.version import VERSION
from nurseries.command_line.accounts import key, user
from nurseries.command_line.quiet_end import print_to

_PATH = click.Path(path_type=Path)


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
            **({"is_flag": True, "default": None} if option.is_flag else {"type": _PATH}),
            help=option.help,
        )
        command = declare(command)
    return command


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
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


@main.command("check-config")
@click.argument("file", type=_PATH, required=False)
@click.pass_obj
def check_config(paths: Paths, file: Path | None) -> None:
    """Say what is wrong with the configuration, one line each; exit 1 on errors."""
    from config.check import check, has_errors

    lines = check(file, paths)
    for line in lines:
        click.echo(line)
    sys.exit(1 if has_errors(lines) else 0)


@main.command()
@click.option("--openrpc", "kind", flag_value="openrpc", default=True, help="JSON-RPC methods.")
@click.option("--openapi", "kind", flag_value="openapi", help="HTTP routes.")
@click.option("--markdown", "kind", flag_value="markdown", help="A page for people.")
@click.pass_obj
def api(paths: Paths, kind: str) -> None:
    """Print the schema of the API, generated from its declarations."""
    import json

    from mrk.api import schema
    from mrk.api.reference import markdown
    from nurseries.root.real_surroundings import build_table

    if kind == "markdown":
        click.echo(markdown(build_table(paths)))
        return
    document = getattr(schema, kind)(build_table(paths))
    click.echo(json.dumps(document, indent=2))


@main.command()
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=7125, show_default=True)
@click.option("--data", "folder", type=_PATH, default=Path("demo-data"), show_default=True)
def demo(speed: float, port: int, folder: Path) -> None:
    """Run the daemon on a virtual printer, in a data folder of its own."""
    from nurseries.command_line.demo import run_demo

    sys.exit(run_demo(folder, port, speed))


@main.command()
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
def metadata(files: tuple[Path, ...], as_json: bool) -> None:
    """Print what is found in g-code FILES."""
    from nurseries.command_line.metadata import run

    sys.exit(run(files, as_json))


@main.command()
@click.argument("what")
@click.argument("context", nargs=-1)
@click.option("--reveal", is_flag=True, help="Show a result that is a secret.")
@click.pass_obj
def template(paths: Paths, what: str, context: tuple[str, ...], reveal: bool) -> None:
    """Show what a template gives: WHAT is an option (SECTION.OPTION), a file, or - (input).

    CONTEXT is what the template sees: NAME=TEXT or NAME:=JSON. Calls are told, not made.
    """
    from nurseries.command_line.template import run

    sys.exit(run(paths, what, context, reveal))


@main.command("import-moonraker")
@click.argument("folder", type=_PATH)
@click.option("--again", is_flag=True, help="Import although it was done before.")
@click.pass_obj
def import_moonraker(paths: Paths, folder: Path, again: bool) -> None:
    """Take over the database of the Moonraker whose data folder is FOLDER, once."""
    from mrk.jobs.schema import JOB_MIGRATIONS
    from nurseries.database.importer import run_import

    sys.exit(run_import(paths.data, folder, again, JOB_MIGRATIONS))


@main.command("virtual-printer")
@click.argument("socket", type=_PATH)
@click.option("--gcodes", type=_PATH, default=Path(), help="Folder of g-code files.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True)
@click.option("--fault", multiple=True, help="KIND or KIND=SECONDS, from the start on.")
def virtual_printer(socket: Path, gcodes: Path, speed: float, fault: tuple[str, ...]) -> None:
    """Serve a printer without hardware on SOCKET, in Klipper's protocol."""
    from nurseries.command_line.virtual_printer import run_alone

    sys.exit(run_alone(socket, gcodes, speed, fault))


@main.command()
@click.argument("method")
@click.argument("arguments", nargs=-1)
@click.option("--url", help="Websocket, such as ws://127.0.0.1:7125/websocket.")
@click.pass_obj
def call(paths: Paths, method: str, arguments: tuple[str, ...], url: str | None) -> None:
    """Call METHOD with key=value arguments on a running daemon; values may be JSON."""
    import trio

    from nurseries.command_line import call_and_watch

    target = call_and_watch.Target(paths.unix_socket, url)
    sys.exit(trio.run(call_and_watch.call, target, method, arguments))


@main.command()
@click.argument("objects", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Subscribe to every printer object.")
@click.option("--url", help="Websocket, such as ws://127.0.0.1:7125/websocket.")
@click.pass_obj
def watch(paths: Paths, objects: tuple[str, ...], everything: bool, url: str | None) -> None:
    """Print notifications of a running daemon, and changes of OBJECTS (extruder=temperature)."""
    import trio

    from nurseries.command_line import call_and_watch

    target = call_and_watch.Target(paths.unix_socket, url)
    sys.exit(trio.run(call_and_watch.watch, target, objects, everything))


main.add_command(user)
main.add_command(key)


def run_command() -> None:
    """Read the command line and run what it says; ends with `SystemExit`."""
    print_to(1)
    try:
        sys.exit(main(standalone_mode=False))
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except click.Abort as exc:
        # A prompt makes one of Ctrl-C and of the end of the input.
        if isinstance(exc.__context__, EOFError):
            click.echo("mrk: the input ended before the answer", err=True)
            sys.exit(1)
        raise KeyboardInterrupt from None
