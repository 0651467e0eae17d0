"""Replaces the folder of a web or zip item by a release: made beside it, then put in its place.

`ReleaseUpdate` holds what one update has made until it is kept or taken back. Nothing of what is
installed is touched before everything that the new version needs is there.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from mrk.updates.item import Tell
from mrk.updates.releases import Asset, Release
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.compressed import compress_beside
from nurseries.update_manager.disk_steps import in_thread
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.folder_switch import FolderSwitch
from nurseries.update_manager.installed_release import NotInstalled, release_in
from nurseries.update_manager.requirements import Dependencies, folder_reader
from nurseries.update_manager.unpack import copy_kept, unpack

# Raises `UpdateRefused` when a print began since the update did.
CheckPrint = Callable[[], None]


class ReleaseUpdate:
    """Of the folder `path`; `kept` are names in it that stay as they are."""

    def __init__(
        self,
        path: Path,
        kind: str,
        kept: tuple[str, ...],
        downloader: Downloader,
        dependencies: Dependencies,
        check_print: CheckPrint,
    ) -> None:
        self._path = path
        self._kind = kind
        self._kept = kept
        self._downloader = downloader
        self._dependencies = dependencies
        self._check_print = check_print
        self._switch = FolderSwitch(path)

    async def install(self, release: Release, asset: Asset, name: str, tell: Tell) -> None:
        """Put a release in place; raises `UpdateFailed`, and then nothing has changed."""
        done = False
        try:
            await self._make(release, asset, name, tell)
            self._check_print()
            tell("Putting the new version in place...")
            await self._dependencies.put()
            await in_thread(self._switch.put, f"{self._path} cannot be replaced")
            done = True
        finally:
            if not done:
                with trio.move_on_after(10, shield=True):
                    await self.take_back()

    async def _make(self, release: Release, asset: Asset, name: str, tell: Tell) -> None:
        switch = self._switch
        await in_thread(switch.begin, f"Nothing can be made beside {self._path}")
        archive = switch.staging / "archive.zip"
        await self._downloader.fetch(release, asset, archive, name, tell)
        tell(f"Unpacking {asset.name}...")
        check = trio.from_thread.check_cancelled
        await trio.to_thread.run_sync(unpack, archive, switch.new, check)
        await trio.Path(archive).unlink()
        await self._check_content()
        await trio.to_thread.run_sync(copy_kept, switch.path, switch.new, self._to_keep())
        if self._kind == "web":
            left = ("config.json", *self._kept)
            compress = partial(compress_beside, switch.new, left, check)
            await in_thread(compress, f"{asset.name} cannot be compressed")
        await self._make_dependencies(tell)

    async def _check_content(self) -> None:
        try:
            await trio.to_thread.run_sync(release_in, self._switch.new, self._kind)
        except NotInstalled as exc:
            raise UpdateFailed(f"The archive is not a release of this item: {exc}") from exc

    def _within(self) -> Path | None:
        """Where in the folder its environment lies; None when it lies elsewhere."""
        environment = self._dependencies.environment
        if environment is None or self._path not in environment.path.parents:
            return None
        return environment.path.relative_to(self._path)

    def _to_keep(self) -> tuple[str, ...]:
        within = self._within()
        return self._kept if within is None else (*self._kept, within.parts[0])

    async def _make_dependencies(self, tell: Tell) -> None:
        new, within = self._switch.new, self._within()
        before = await self._dependencies.read(folder_reader(self._path))
        after = await self._dependencies.read(folder_reader(new))
        copy = None if within is None else new / within
        await self._dependencies.prepare(before, after, new, tell, copy=copy)
        if after.npm_lock is not None:
            await self._dependencies.npm(new, tell)

    async def keep(self) -> None:
        """The new version works."""
        await self._dependencies.finish()
        await trio.to_thread.run_sync(self._switch.finish)

    async def take_back(self) -> None:
        """The version before takes its place again."""
        await in_thread(self._switch.take_back, f"{self._path} cannot be put back")
        await self._dependencies.take_back()

    async def resume(self) -> str | None:
        """After an interruption: what was done."""
        environment = self._dependencies.environment
        if not await trio.to_thread.run_sync(lambda: self._switch.is_put):
            # The environment goes with the folder.
            await self._dependencies.take_back()
        elif environment is not None:
            await self._dependencies.finish()
        return await trio.to_thread.run_sync(self._switch.resume)
