"""Installs what a new version of an item needs, before it takes the old one's place.

Any failure here fails the update: nothing of the item has been changed by then.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio

from config.settings.update_items import DependencySettings
from mrk.updates.dependencies import (
    DependencyList,
    HostDistribution,
    distribution,
    listed_packages,
    npm_lock,
    requirements,
    script_packages,
    without,
)
from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.child import ChildCommand, ChildRunner
from nurseries.update_manager.environment import PythonEnvironment

NPM_S = 600.0
LOCK_NAME = "package-lock.json"
_MOST_BYTES = 4 * 1024 * 1024

# The content of a file of one version, by its path within the item's folder; None without it.
ReadFile = Callable[[str], Awaitable[bytes | None]]


class PackageInstaller(Protocol):
    """Installs packages of the operating system."""

    async def install(self, names: tuple[str, ...], tell: Tell) -> None:
        """Raises `UpdateFailed`."""


class Dependencies:
    """Those of one item. `packages` None: packages of the system are not managed here."""

    def __init__(
        self,
        settings: DependencySettings,
        runner: ChildRunner,
        packages: PackageInstaller | None,
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._packages = packages
        self.environment = (
            None
            if settings.virtualenv is None
            else PythonEnvironment(runner, settings.virtualenv, settings.pip_environment)
        )

    async def read(self, read: ReadFile) -> DependencyList:
        """What one version needs; raises `UpdateFailed` for a list that cannot be read."""
        settings = self._settings
        wanted = None if settings.requirements is None else await read(settings.requirements)
        lock = await read(LOCK_NAME) if settings.node_updates else None
        return DependencyList(
            requirements(_text(wanted)),
            without(await self._system(read), os.environ),
            npm_lock(lock),
        )

    async def _system(self, read: ReadFile) -> tuple[str, ...]:
        settings = self._settings
        if settings.system_dependencies is not None:
            data = await read(settings.system_dependencies)
            if data is None:
                return ()
            return await _listed(data)
        if settings.install_script is not None:
            return script_packages(_text(await read(settings.install_script)))
        return ()

    async def prepare(
        self,
        before: DependencyList,
        after: DependencyList,
        folder: Path,
        tell: Tell,
        *,
        force: bool = False,
        copy: Path | None = None,
    ) -> None:
        """Install packages, and make an environment beside; `force`: what was there before too.

        `folder` has the files of the new version, and `copy` is one of the environment that lies
        within it.
        """
        packages = after.packages if force else after.new_packages(before)
        if packages:
            await install_packages(self._packages, packages, tell)
        if self.environment is None or self._settings.requirements is None:
            return
        if force or after.has_new_requirements(before):
            file = folder / self._settings.requirements
            if await trio.Path(file).is_file():
                tell("Installing Python packages...")
                again = ["--force-reinstall"] if force else []
                arguments = ["-U", *again, "-r", str(file)]
                if copy is None:
                    await self.environment.prepare(arguments, folder, tell)
                else:
                    await self.environment.install(copy, arguments, folder, tell)

    async def npm(self, folder: Path, tell: Tell) -> None:
        """Install what the lock in `folder` names; raises `UpdateFailed`."""
        tell("Installing npm packages...")
        command = ChildCommand(
            argv=["npm", "ci", "--only=prod"],
            shown="npm ci",
            deadline_s=NPM_S,
            cwd=folder,
        )
        await self._runner.check(command, tell)

    # The environment that was prepared, if there is one

    async def put(self) -> None:
        """Put a prepared environment in place."""
        environment = self.environment
        if environment is not None and await trio.Path(environment.switch.new).exists():
            try:
                await trio.to_thread.run_sync(environment.switch.put)
            except OSError as exc:
                text = f"{environment.path} cannot be replaced: {exc.strerror}"
                raise UpdateFailed(text) from exc

    async def take_back(self) -> None:
        """Put the one before back in place."""
        if self.environment is not None:
            await trio.to_thread.run_sync(self.environment.switch.take_back)

    async def finish(self) -> None:
        """Forget the one that is not in place."""
        if self.environment is not None:
            await trio.to_thread.run_sync(self.environment.switch.finish)


async def wanted_packages(dependencies: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that a package's own list names for this host; raises `UpdateFailed`."""
    if not dependencies:
        return ()
    return without(await _listed(msgspec.json.encode(dependencies)), os.environ)


async def _listed(data: bytes) -> tuple[str, ...]:
    here = await trio.to_thread.run_sync(this_distribution)
    try:
        return listed_packages(data, here)
    except ValueError as exc:
        raise UpdateFailed(str(exc)) from exc


async def install_packages(
    packages: PackageInstaller | None, names: tuple[str, ...], tell: Tell
) -> None:
    """With `packages` None they are only named; raises `UpdateFailed`."""
    if packages is None:
        tell(f"System packages are not managed here; needed are: {', '.join(names)}")
        return
    tell(f"Installing system packages: {', '.join(names)}")
    await packages.install(names, tell)


def this_distribution() -> HostDistribution:
    """Of this host."""
    try:
        text = Path("/etc/os-release").read_text(errors="replace")
    except OSError:
        text = ""
    return distribution(text, is_raspberry_pi=Path("/etc/rpi-issue").exists())


def folder_reader(folder: Path) -> ReadFile:
    """Reads the files of a version that lies in a folder."""

    async def read(name: str) -> bytes | None:
        try:
            async with await trio.open_file(folder / name, "rb") as file:
                return await file.read(_MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise UpdateFailed(f"{folder / name} cannot be read: {exc.strerror}") from exc

    return read


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace")
