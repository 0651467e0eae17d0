"""Services through the command `systemctl`: as root, or through sudo where root is needed.

States are read at a fixed beat; each command ends by its deadline. Holds no state.
"""

from collections.abc import Mapping, Sequence

import trio

from mrk.errors import Transient
from mrk.machine import systemd
from mrk.machine.host_commands import CommandResult, CommandUnavailable, FedCommands
from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.service_rules import is_unit_name
from mrk.machine.services import PowerAction, ServiceError, Verb
from mrk.machine.systemctl_output import SHOWN, parse_show, parse_unit_files, parse_units
from nurseries.services.provider import AllowedServices, ProviderAbsent, Watcher
from nurseries.services.sudo import Sudo

# Services that were installed since are found by then.
_BEATS_PER_SEARCH = 30
_LOOK_S = 10.0
_PLAIN = ("--no-pager", "--no-legend", "--plain", "--full")


class SystemdCli:
    """Provider `systemd_cli`."""

    name = "systemd_cli"

    def __init__(self, commands: FedCommands, sudo: Sudo, beat_s: float) -> None:
        self._commands = commands
        self._sudo = sudo
        self._beat_s = beat_s

    async def watch(self, allowance: AllowedServices, watcher: Watcher) -> None:
        """`Provider.watch`."""
        beats, due = 0, trio.current_time()
        names: list[str] = []
        while True:
            if beats % _BEATS_PER_SEARCH == 0:
                names = await self._find(allowance, first=beats == 0)
            watcher.found(await self._states(names))
            beats += 1
            due = max(due + self._beat_s, trio.current_time())
            await trio.sleep_until(due)

    async def act(self, verb: Verb, service: str) -> None:
        """`Provider.act`."""
        await self._sudo.run_checked(_systemctl(verb, service), f"{verb} {service}")

    async def restart_own(self, service: str) -> None:
        """`Provider.restart_own`."""
        # Waiting for its end would be waiting for our own.
        argv = _systemctl(Verb.RESTART, service, "--no-block")
        await self._sudo.run_checked(argv, f"restart {service}")

    async def power(self, action: PowerAction) -> None:
        """`Provider.power`."""
        argv = ["systemctl", "--no-ask-password", action.value]
        await self._sudo.run_checked(argv, f"{action} this host")

    async def _find(self, allowance: AllowedServices, *, first: bool) -> list[str]:
        patterns = systemd.patterns(allowance.listed, allowance.own)
        try:
            files = await self._look("list-unit-files", *_PLAIN, *patterns)
            units = await self._look("list-units", "--all", *_PLAIN, *patterns)
        except Transient as exc:
            if first:
                raise ProviderAbsent(str(exc)) from exc
            raise
        names = {*parse_unit_files(files.stdout), *parse_units(units.stdout)}
        return sorted(name for name in names if allowance.allows(name))

    async def _states(self, names: Sequence[str]) -> Mapping[str, UnitStatus]:
        if not names:
            return {}
        properties = [f"--property={name}" for name in SHOWN]
        units = [f"{name}.service" for name in names]
        return parse_show((await self._look("show", *properties, *units)).stdout, names)

    async def _look(self, *words: str) -> CommandResult:
        try:
            with trio.fail_after(_LOOK_S):
                result = await self._commands.run(["systemctl", *words])
        except trio.TooSlowError as exc:
            raise Transient(f"systemctl {words[0]} did not answer within {_LOOK_S:g} s") from exc
        except CommandUnavailable as exc:
            raise Transient(str(exc)) from exc
        # Of patterns that match nothing, some versions make an error without a word.
        if result.status != 0 and result.stderr.strip():
            said = result.stderr.decode("utf-8", "replace").strip()[:300]
            raise Transient(f"systemctl {words[0]}: {said}")
        return result


def _systemctl(verb: Verb, service: str, *options: str) -> list[str]:
    if not is_unit_name(service):
        raise ServiceError(f"{service[:60]!r} is not the name of a service")
    return ["systemctl", "--no-ask-password", *options, verb.value, f"{service}.service"]
