"""Services that a supervisord runs, through the command `supervisorctl`.

Programs stand for services. States are read at a fixed beat; each command ends by its deadline.
"""

from collections.abc import Mapping
from pathlib import Path

import trio

from mrk.errors import Transient
from mrk.machine.host_commands import CommandResult, CommandUnavailable, FedCommands
from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.service_rules import is_unit_name
from mrk.machine.services import (
    PowerAction,
    ServiceAway,
    ServiceError,
    StillUnderWay,
    Verb,
)
from mrk.machine.supervisor_output import failure_of, parse_status
from nurseries.services.provider import AllowedServices, ProviderAbsent, Watcher
from nurseries.services.sudo import Sudo

_LOOK_S = 10.0
_ACT_S = 30.0
# Exit status of `status` when a program does not run.
_NOT_ALL_RUN = 3


class SupervisordCli:
    """Provider `supervisord_cli`; `config_path` is what supervisorctl is given with `-c`."""

    name = "supervisord_cli"

    def __init__(
        self, commands: FedCommands, sudo: Sudo, config_path: Path | None, beat_s: float
    ) -> None:
        self._commands = commands
        self._sudo = sudo
        self._beat_s = beat_s
        self._argv = ["supervisorctl"]
        if config_path is not None:
            self._argv += ["-c", str(config_path)]

    async def watch(self, allowance: AllowedServices, watcher: Watcher) -> None:
        """`Provider.watch`."""
        try:
            found = await self._states()
        except Transient as exc:
            raise ProviderAbsent(str(exc)) from exc
        due = trio.current_time()
        while True:
            allowed = {name: one for name, one in found.items() if allowance.allows(name)}
            watcher.found(allowed)
            due = max(due + self._beat_s, trio.current_time())
            await trio.sleep_until(due)
            found = await self._states()

    async def act(self, verb: Verb, service: str) -> None:
        """`Provider.act`."""
        if not is_unit_name(service):
            raise ServiceError(f"{service[:60]!r} is not the name of a program")
        try:
            with trio.fail_after(_ACT_S):
                result = await self._commands.run([*self._argv, verb.value, service])
        except trio.TooSlowError as exc:
            text = f"supervisord did not {verb} {service} within {_ACT_S:g} s; it may go on"
            raise StillUnderWay(text) from exc
        except CommandUnavailable as exc:
            raise ServiceAway(str(exc)) from exc
        failure = failure_of(result.stdout)
        if failure is None and result.status != 0 and b"ERROR" not in result.stdout:
            failure = _said(result) or f"supervisorctl ended with {result.status}"
        if failure is not None:
            raise ServiceError(f"Could not {verb} {service}: {failure}")

    async def restart_own(self, service: str) -> None:
        """`Provider.restart_own`."""
        # supervisorctl itself would stop and then start us, and it ends with us in between.
        raise ServiceError("a program cannot restart itself through supervisorctl")

    async def power(self, action: PowerAction) -> None:
        """`Provider.power`."""
        await self._sudo.run_checked([action.value], f"{action} this host")

    async def _states(self) -> Mapping[str, UnitStatus]:
        try:
            with trio.fail_after(_LOOK_S):
                result = await self._commands.run([*self._argv, "status"])
        except trio.TooSlowError as exc:
            raise Transient(f"supervisorctl did not answer within {_LOOK_S:g} s") from exc
        except CommandUnavailable as exc:
            raise Transient(str(exc)) from exc
        if result.status not in (0, _NOT_ALL_RUN):
            raise Transient(f"supervisorctl status: {_said(result)}")
        return parse_status(result.stdout)


def _said(result: CommandResult) -> str:
    # supervisorctl prints its errors where it prints everything.
    both = result.stderr.strip() or result.stdout.strip()
    return both.decode("utf-8", "replace")[:300]
