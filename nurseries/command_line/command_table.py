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
        except click.NoSuchOption as exc:
            raise self._misplaced(ctx, exc) from None
        except BrokenPipeError:
            raise
        except OSError as exc:
            if exc.filename is None:
                raise
            reason = f"{os.fsdecode(exc.filename)}: {exc.strerror}"
            raise click.ClickException(reason) from None

    def _misplaced(self, ctx: click.Context, error: click.NoSuchOption) -> click.UsageError:
        """Says where an option of this group goes that stands behind a command."""
        name = error.option_name
        options = [param for param in self.params if name in param.opts]
        if not options or error.ctx is None or error.ctx is ctx:
            return error
        value = "" if getattr(options[0], "is_flag", False) else " ..."
        command = error.ctx.command_path.removeprefix(f"{ctx.command_path} ")
        said = f"{name} stands before the command: {ctx.command_path} {name}{value} {command}"
        return click.UsageError(said, error.ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that a line begins with; of one that is not there, what it resembles."""
        if args[0] not in self._entries and not args[0].startswith("-"):
            import difflib

            like = difflib.get_close_matches(args[0], self._entries, n=1)
            meant = f" Is {like[0]} meant?" if like else ""
            ctx.fail(f"there is no command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

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
