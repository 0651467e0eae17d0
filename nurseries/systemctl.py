"""Starts and stops units of the host with `systemctl`, through `sudo -n` when not root.

`Systemctl` holds no state; a run is owned by the task that awaits it and ends by its deadline.
"""

import os
import re

import trio

from mrk.machine.commands import Commands, CommandUnavailable
from mrk.machine.services import ServiceError

# systemd.unit(5), "unit names"; a leading dash would be an option.
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,254}")
_SHOWN_CHARS = 300


class Systemctl:
    """Service control for hosts with systemd. `deadline_s` bounds each command."""

    def __init__(
        self, commands: Commands, *, as_root: bool | None = None, deadline_s: float = 30.0
    ) -> None:
        root = os.geteuid() == 0 if as_root is None else as_root
        self._commands = commands
        self._prefix = ["systemctl"] if root else ["sudo", "-n", "systemctl"]
        self._deadline_s = deadline_s

    async def start(self, unit: str) -> None:
        """Start `unit`; returns when systemd says it is up. Raises `ServiceError`."""
        await self._run("start", unit)

    async def stop(self, unit: str) -> None:
        """Stop `unit`; returns when systemd says it is down. Raises `ServiceError`."""
        await self._run("stop", unit)

    async def _run(self, verb: str, unit: str) -> None:
        if _UNIT_NAME.fullmatch(unit) is None:
            raise ServiceError(f"{unit!r} is no name of a unit")
        try:
            with trio.fail_after(self._deadline_s):
                result = await self._commands.run([*self._prefix, verb, unit])
        except trio.TooSlowError as exc:
            raise ServiceError(
                f"systemctl {verb} {unit} did not end within {self._deadline_s:g} s"
            ) from exc
        except CommandUnavailable as exc:
            raise ServiceError(str(exc)) from exc
        if result.status != 0:
            said = result.stderr.decode("utf-8", "replace").strip()[:_SHOWN_CHARS]
            raise ServiceError(said or f"systemctl {verb} {unit} ended with {result.status}")
