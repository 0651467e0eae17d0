"""What a command of the host is to those who ask for one: a Protocol, its answer, its error.

Types only. `nurseries/process/host_commands.py` runs them; the sampler, the service control
and USB power ask.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mrk.errors import MrkError


class CommandUnavailable(MrkError):
    """The program is not there or may not be run."""


class CommandResult(msgspec.Struct, frozen=True):
    """How a command ended: exit status (negative: by that signal) and the head of its output."""

    status: int
    stdout: bytes
    stderr: bytes


class Commands(Protocol):
    """Runs commands of the host."""

    async def run(self, argv: Sequence[str]) -> CommandResult:
        """Run `argv` without a shell and without input until it ends.

        The caller's cancel scope is the deadline; a cancelled command is killed.
        Raises `CommandUnavailable`.
        """
        ...


class FedCommands(Protocol):
    """Runs commands of the host that may read an input."""

    async def run(self, argv: Sequence[str], given: bytes = b"") -> CommandResult:
        """As `Commands.run`; `given` is the whole input and never shown."""
        ...
