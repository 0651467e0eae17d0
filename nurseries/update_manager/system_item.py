"""The item `system`: the packages of the operating system, by PackageKit or else by apt."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from mrk.updates.item import Tell
from mrk.updates.statuses import SystemStatus
from mrk.updates.update_errors import UpdateFailed, UpdateRefused

logger = logging.getLogger(__name__)
NAME = "system"
_MOST_NAMES = 5000


class SystemPackages(Protocol):
    """One package manager. All but `absence` raise `UpdateFailed`."""

    prefix: str

    async def absence(self) -> str | None: ...

    async def refresh(self) -> None: ...

    async def updates(self) -> list[str]: ...

    async def upgrade(self, tell: Tell) -> None: ...

    async def install(self, names: tuple[str, ...], tell: Tell) -> None: ...


class SystemPackageManager:
    """The first of `candidates` that is there, found at the first need."""

    def __init__(self, candidates: Sequence[SystemPackages]) -> None:
        self._candidates = candidates
        self._found: SystemPackages | None = None
        self.warning: str | None = None

    @property
    def prefix(self) -> str:
        return self._candidates[0].prefix if self._found is None else self._found.prefix

    async def find(self) -> SystemPackages:
        """Raises `UpdateFailed` where there is none; it may be there the next time."""
        if self._found is not None:
            return self._found
        absences: list[str] = []
        for candidate in self._candidates:
            absence = await candidate.absence()
            if absence is None:
                self._found, self.warning = candidate, None
                if absences:
                    logger.info("%s is used: %s", candidate.prefix, "; ".join(absences))
                return candidate
            absences.append(absence)
        self.warning = (
            f"[update_manager]: packages of the system cannot be updated: {'; '.join(absences)}."
            " With enable_system_updates: False it is not tried"
        )
        raise UpdateFailed(self.warning)

    async def install(self, names: tuple[str, ...], tell: Tell) -> None:
        """`PackageInstaller.install`."""
        await (await self.find()).install(names, tell)


class SystemItem:
    """Implements `UpdateItem`."""

    name = NAME
    services: tuple[str, ...] = ()

    def __init__(self, manager: SystemPackageManager) -> None:
        self._manager = manager
        self._packages: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        return self._manager.prefix

    @property
    def is_behind(self) -> bool:
        return bool(self._packages)

    def status(self) -> SystemStatus:
        return SystemStatus(package_count=len(self._packages), package_list=self._packages)

    def stored(self) -> dict[str, Any]:
        return {"packages": list(self._packages)}

    def restore(self, stored: dict[str, Any]) -> None:
        found = stored.get("packages")
        if isinstance(found, list):
            self._packages = tuple(str(name) for name in found)[:_MOST_NAMES]

    async def refresh(self) -> bool:
        """Lists that cannot be renewed are no reason not to look at those that are there."""
        manager = await self._manager.find()
        renewed = True
        try:
            await manager.refresh()
        except UpdateFailed as exc:
            logger.warning("the lists of packages stay as they are: %s", exc)
            renewed = False
        await self._look(manager)
        return renewed

    async def reread(self) -> None:
        """Others update packages all the time; what is listed is as old as the lists."""

    async def _look(self, manager: SystemPackages) -> None:
        self._packages = tuple(await manager.updates())[:_MOST_NAMES]

    async def update(self, tell: Tell) -> bool:
        manager = await self._manager.find()
        await self._look(manager)
        if not self._packages:
            return False
        try:
            await manager.upgrade(tell)
        finally:
            # What was installed before a failure is no longer to be had.
            self._packages = ()
        await self._look(manager)
        return True

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        raise UpdateRefused("The packages of the system are not a git repository")

    async def rollback(self, tell: Tell) -> bool:
        raise UpdateRefused("The packages of the system cannot be rolled back")

    async def keep(self) -> None: ...

    async def revert(self, tell: Tell) -> None: ...

    async def resume(self) -> str | None:
        return None
