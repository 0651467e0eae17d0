"""What a commit of a clone needs: read out of git and installed before the files change."""

import posixpath
import shutil
from pathlib import Path

import trio

from config.settings.update_items import UpdateItemSettings
from mrk.updates.item import Tell
from nurseries.update_manager.git import Git
from nurseries.update_manager.git_change import GitChange
from nurseries.update_manager.requirements import Dependencies, ReadFile, folder_reader
from nurseries.update_manager.unpack import unpack

_FOLDER = "mrk-needs"


class GitNeeds:
    """Of one clone."""

    def __init__(
        self,
        git: Git,
        change: GitChange,
        settings: UpdateItemSettings,
        dependencies: Dependencies,
    ) -> None:
        self._git = git
        self._change = change
        self._requirements = settings.dependencies.requirements
        self._dependencies = dependencies

    async def prepare(self, commit: str, tell: Tell, *, force: bool = False) -> bool:
        """Install what a commit needs; whether its npm packages have to follow."""
        dependencies = self._dependencies
        before = await dependencies.read(folder_reader(self._git.path))
        after = await dependencies.read(self._reader(commit))
        folder = await self._change.folder() / _FOLDER
        try:
            if force or after.has_new_requirements(before):
                await self._extract(commit, folder)
            await dependencies.prepare(before, after, folder, tell, force=force)
        finally:
            with trio.move_on_after(5, shield=True):
                await trio.to_thread.run_sync(_remove, folder)
        return after.npm_lock is not None and (force or after.npm_lock != before.npm_lock)

    async def put(self, tell: Tell, *, npm: bool) -> None:
        """The files have changed: the environment takes its place, and npm's packages follow."""
        await self._dependencies.put()
        if npm:
            await self._dependencies.npm(self._git.path, tell)

    async def take_back(self) -> None:
        """The environment before takes its place again."""
        await self._dependencies.take_back()

    async def finish(self) -> None:
        """What was prepared works."""
        await self._dependencies.finish()

    def _reader(self, commit: str) -> ReadFile:
        async def read(name: str) -> bytes | None:
            spec = f"{commit}:{name}"
            if not await self._git.agrees("cat-file", "-e", spec):
                return None
            return (await self._git.ask("show", spec)).encode()

        return read

    async def _extract(self, commit: str, folder: Path) -> None:
        """The requirements file with those beside it, which it may include."""
        name = self._requirements
        if name is None:
            return
        beside = posixpath.dirname(name)
        archive = folder.with_suffix(".zip")
        await trio.to_thread.run_sync(_remove, folder)
        pattern = f":(glob){beside}/*" if beside else ":(glob)*.txt"
        await self._git.ask(
            "archive", "--format=zip", "-o", str(archive), commit, "--", name, pattern
        )
        await trio.to_thread.run_sync(unpack, archive, folder, trio.from_thread.check_cancelled)
        await trio.Path(archive).unlink()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".zip").unlink(missing_ok=True)
