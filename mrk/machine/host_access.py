"""How parts that change the host reach it: the system's D-Bus, and commands as root. Types only."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mrk.machine.bus import OpenBus


class RootCommand(msgspec.Struct, frozen=True):
    """What to run, and its whole input, which holds a password and is never shown."""

    argv: tuple[str, ...]
    given: bytes = b""

    def __repr__(self) -> str:
        return f"RootCommand({self.argv!r})"


class RootCommands(Protocol):
    """Makes commands that run as root."""

    def as_root(self, argv: Sequence[str]) -> RootCommand:
        """The command with sudo where that is needed."""

    def password_needed(self, said: str, doing: str) -> str | None:
        """Why a command failed, when it was for want of a password, which people are asked for.

        `said` is its error output, `doing` is for messages.
        """


class HostAccess(msgspec.Struct, frozen=True):
    """None for what is not to be touched, as on the host of a demonstration."""

    open_bus: OpenBus | None = None
    root: RootCommands | None = None
