"""A click group whose commands are imported when they are called.

Start-up time counts: the list of commands is shown from the table alone, and a command's module
may import what it needs at its top.
"""

import importlib
import os
from collections.abc import Mapping
from typing import Any

import click

from mrk.errors import MrkError

_PACKAGE = "nurseries.command_line"


# The module of this folder whose `command` it is, and the line that `mrk --help` shows.
CommandEntry = tuple[str, str]


class CommandTable(click.Group):
    """A group that finds its commands in `entries`."""

    def __init__(
        self, *arguments: Any, entries: Mapping[str, CommandEntry], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._entries = entries

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `MrkError` that ends it becomes one line, and exit code 1.

        So does what the system refuses, such as a file that may not be read.
        """
        try:
            return super().invoke(ctx)
        except MrkError as exc:
            raise click.ClickException(str(exc)) from None
        except BrokenPipeError:
            raise
        except OSError as exc:
            if exc.filename is None:
                raise
            reason = f"{os.fsdecode(exc.filename)}: {exc.strerror}"
            raise click.ClickException(reason) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, sorted."""
        return sorted(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name; None when there is none."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"{_PACKAGE}.{entry[0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._entries[name][1]) for name in sorted(self._entries)])
