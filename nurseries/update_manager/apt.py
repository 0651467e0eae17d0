"""Packages of the operating system through the commands of apt, as root where it needs to be."""

import re
import shutil

import trio

from mrk.machine.host_access import RootCommands
from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.child import ChildCommand, ChildResult, ChildRunner

REFRESH_S = 600.0
LIST_S = 120.0
CHANGING_S = 3600.0
# Another package manager may be at work, such as the nightly one.
_LOCK_S = 300
_ATTEMPTS = 3
_BETWEEN_S = 2.0
_UNFINISHED = "dpkg was interrupted"
_APT_GET = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get")
_PLAIN = {"LC_ALL": "C"}


class Apt:
    """Implements `SystemPackages`."""

    prefix = "Package Manager APT"

    def __init__(
        self, runner: ChildRunner, root: RootCommands, *, between_s: float = _BETWEEN_S
    ) -> None:
        self._runner = runner
        self._root = root
        self._between_s = between_s

    async def absence(self) -> str | None:
        """Why it cannot be used; None when it can."""
        found = await trio.to_thread.run_sync(shutil.which, "apt-get")
        return None if found else "apt-get is not installed"

    async def refresh(self) -> None:
        """Have the lists of packages renewed; raises `UpdateFailed`."""
        # People are not asked for a password because it is night.
        result = await self._run(("update",), REFRESH_S, None)
        if result.status != 0:
            raise UpdateFailed(f"apt-get update failed ({result.status}): {result.said}")

    async def updates(self) -> list[str]:
        """Names of packages that have newer versions; raises `UpdateFailed`."""
        command = ChildCommand(
            argv=["apt", "list", "--upgradable"],
            shown="apt list",
            deadline_s=LIST_S,
            environment=_PLAIN,
        )
        result = await self._runner.check(command)
        names = (line.partition("/")[0] for line in result.out.splitlines() if "/" in line)
        return [name for name in names if re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", name)]

    async def upgrade(self, tell: Tell) -> None:
        """Install all newer versions; raises `UpdateFailed`."""
        await self._change(("upgrade", "--yes"), "upgrade the system's packages", tell)

    async def install(self, names: tuple[str, ...], tell: Tell) -> None:
        """Install packages; raises `UpdateFailed`."""
        known = await self._known(names)
        unknown = [name for name in names if name not in known]
        if unknown:
            tell(f"Not known here, and left out: {', '.join(unknown)}")
        if known:
            await self._change(("install", "--yes", *known), "install packages", tell)

    async def _known(self, names: tuple[str, ...]) -> list[str]:
        pattern = "|".join(f"^{re.escape(name)}$" for name in names)
        command = ChildCommand(
            argv=["apt-cache", "search", "--names-only", pattern],
            shown="apt-cache search",
            deadline_s=LIST_S,
            environment=_PLAIN,
        )
        result = await self._runner.check(command)
        found = {line.partition(" ")[0] for line in result.out.splitlines()}
        return [name for name in names if name in found]

    async def _change(self, arguments: tuple[str, ...], doing: str, tell: Tell) -> None:
        """Try three times; an interrupted dpkg is brought to its end first."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                tell(f"Trying again to {doing}...")
                await trio.sleep(self._between_s)
            result = await self._run(arguments, CHANGING_S, tell)
            if result.status == 0:
                return
            needed = self._root.password_needed(result.err, doing)
            if needed is not None:
                raise UpdateFailed(needed)
            if _UNFINISHED in result.err:
                tell("An interrupted installation is brought to its end...")
                await self._runner.run(
                    self._command(("dpkg", "--configure", "-a"), CHANGING_S), tell
                )
        raise UpdateFailed(f"Could not {doing} ({result.status}): {result.said}")

    async def _run(
        self, arguments: tuple[str, ...], deadline_s: float, tell: Tell | None
    ) -> ChildResult:
        argv = (*_APT_GET, "-o", f"DPkg::Lock::Timeout={_LOCK_S}", *arguments)
        return await self._runner.run(self._command(argv, deadline_s), tell)

    def _command(self, argv: tuple[str, ...], deadline_s: float) -> ChildCommand:
        root = self._root.as_root(argv)
        return ChildCommand(
            argv=root.argv,
            given=root.given,
            shown=f"{argv[2] if argv[0] == 'env' else argv[0]}",
            deadline_s=deadline_s,
            environment=_PLAIN,
        )
