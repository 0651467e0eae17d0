"""What a way of controlling services offers to `Machine`, and the one that offers nothing.

A provider owns nothing between its calls except what its `watch` holds while it runs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import trio

from mrk.errors import MrkError
from mrk.machine.host_commands import CommandResult, CommandUnavailable
from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.services import PowerAction, ServiceError, Verb
from nurseries.services.sudo import Sudo


class ProviderAbsent(MrkError):
    """This host has no such service manager; the text says what was missed."""


class Watcher(Protocol):
    """Who is told of the services' states. Neither call waits."""

    def found(self, states: Mapping[str, UnitStatus]) -> None:
        """All allowed services that are installed, with their states."""

    def changed(self, name: str, status: UnitStatus) -> None:
        """One of those has another state."""


class AllowedServices(msgspec.Struct, frozen=True):
    """Which services may be shown and controlled: listed names, and our own (None: not known)."""

    listed: tuple[str, ...]
    own: str | None
    allows: Callable[[str], bool]


class Provider(Protocol):
    """One way of controlling services."""

    @property
    def name(self) -> str:
        """As in the option `provider`."""

    async def watch(self, allowance: AllowedServices, watcher: Watcher) -> None:
        """Tell `watcher` all states, then each change, until cancelled.

        Raises `ProviderAbsent` where there is none, `Transient` when it is away for now.
        """

    async def act(self, verb: Verb, service: str) -> None:
        """Returns when it is done. Raises `ServiceError`."""

    async def restart_own(self, service: str) -> None:
        """Have the service that we are ourselves restarted; returns once that is accepted.

        Raises `ServiceError`.
        """

    async def power(self, action: PowerAction) -> None:
        """Returns once the host has accepted it. Raises `ServiceError`."""


class NoProvider:
    """Controls no services; the host's power is asked for by command."""

    name = "none"

    def __init__(self, sudo: Sudo) -> None:
        self._sudo = sudo

    async def watch(self, allowance: AllowedServices, watcher: Watcher) -> None:
        """`Provider.watch`: there is nothing to see."""
        watcher.found({})
        await trio.sleep_forever()

    async def act(self, verb: Verb, service: str) -> None:
        """`Provider.act`."""
        raise ServiceError(f"Cannot {verb} {service}: services are not controlled on this host")

    async def restart_own(self, service: str) -> None:
        """`Provider.restart_own`."""
        raise ServiceError("services are not controlled on this host")

    async def power(self, action: PowerAction) -> None:
        """`Provider.power`."""
        await self._sudo.run_checked([action.value], f"{action} this host")


class NoCommands:
    """Stands where the host must not be touched."""

    async def run(self, argv: Sequence[str], given: bytes = b"") -> CommandResult:
        """`FedCommands.run`: nothing runs."""
        raise CommandUnavailable("a demonstration runs no commands")
