"""Replaces the file of an executable item by an asset of a release.

The new file is made beside, as is `release_info.json` with its version; both take their place by
rename. Until it is kept, the old ones lie beside under hidden names.
"""

import contextlib
import os
import shutil
from pathlib import Path

import trio

from config.whole_file import sync
from mrk.updates.item import Tell
from mrk.updates.release_info import INFO_NAME, rewritten
from mrk.updates.releases import Asset, Release
from nurseries.update_manager.disk_steps import in_thread
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.release_update import CheckPrint
from nurseries.update_manager.requirements import Dependencies, folder_reader
from nurseries.update_manager.unpack import check_free_space

_FAILING = "The file cannot be replaced"


class ExecutableUpdate:
    """Of the file `name` in the folder `path`."""

    def __init__(
        self,
        path: Path,
        downloader: Downloader,
        dependencies: Dependencies,
        check_print: CheckPrint,
    ) -> None:
        self._path = path
        self._downloader = downloader
        self._dependencies = dependencies
        self._check_print = check_print

    async def install(self, release: Release, asset: Asset, name: str, tell: Tell) -> None:
        """Put an asset in place; raises `UpdateFailed`, and then nothing has changed."""
        files = _Files(self._path, asset.name)
        done = False
        try:
            await in_thread(lambda: files.begin(asset.size), _FAILING)
            await self._downloader.fetch(release, asset, files.new, name, tell)
            # What it needs does not change with it, and may be missing all the same.
            needed = await self._dependencies.read(folder_reader(self._path))
            await self._dependencies.prepare(needed, needed, self._path, tell)
            self._check_print()
            tell("Putting the new version in place...")
            await in_thread(lambda: files.put(release.version), _FAILING)
            done = True
        finally:
            if not done:
                with trio.move_on_after(10, shield=True):
                    await in_thread(files.take_back, _FAILING)

    async def keep(self, asset_name: str) -> None:
        """The new version works."""
        await trio.to_thread.run_sync(_Files(self._path, asset_name).finish)

    async def take_back(self, asset_name: str) -> None:
        """The version before takes its place again."""
        await in_thread(_Files(self._path, asset_name).take_back, _FAILING)

    async def resume(self, asset_name: str) -> str | None:
        """After an interruption: what was done."""
        return await trio.to_thread.run_sync(_Files(self._path, asset_name).resume)


class _Files:
    """The file and its description, each with a new one and the one before."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._file = path / name
        self.new = path / f".{name}.new"
        self._old = path / f".{name}.old"
        self._info = path / INFO_NAME
        self._new_info = path / f".{INFO_NAME}.new"
        self._old_info = path / f".{INFO_NAME}.old"

    def begin(self, size: int) -> None:
        self.resume()
        check_free_space(self._path, size)

    def put(self, version: str) -> None:
        self._new_info.write_bytes(rewritten(self._info.read_bytes(), version))
        shutil.copymode(self._file, self.new)
        self.new.chmod(self.new.stat().st_mode | 0o111)
        for file in (self.new, self._new_info):
            sync(file)
        # Another name for what is there now: nothing is copied, and nothing can be half there.
        os.link(self._info, self._old_info)
        os.link(self._file, self._old)
        self.new.replace(self._file)
        self._new_info.replace(self._info)
        sync(self._path)

    def take_back(self) -> None:
        for before, place in ((self._old_info, self._info), (self._old, self._file)):
            if before.exists():
                before.replace(place)
        self.finish()

    def finish(self) -> None:
        for file in (self.new, self._new_info, self._old, self._old_info):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    def resume(self) -> str | None:
        if not any(f.exists() for f in (self.new, self._new_info, self._old, self._old_info)):
            return None
        if self._old.exists() and not self._old_info.exists():
            # Only when the old ones take their place back, one goes before the other.
            self._old.replace(self._file)
        elif self._old.exists() and not self.new.exists():
            # The file is the new one; its description follows.
            if self._new_info.exists():
                self._new_info.replace(self._info)
            self.finish()
            return "the new version is in place"
        self.finish()
        return "the version before stays in place"
