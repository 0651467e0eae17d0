"""Brings a clone back to the official branch, and loses nothing of its owner.

Softly: files that were changed here are copied aside, then reset. Hard: a new clone takes the
place of the folder, which is kept whole beside it; files that are not the repository's go along.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import trio

from config.settings.update_items import UpdateItemSettings
from mrk.definitions.url_logins import without_login
from mrk.updates.git_facts import GitFacts
from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed, UpdateRefused, refused_by_system
from mrk.updates.versions import UNKNOWN
from nurseries.update_manager.folder_switch import FolderSwitch
from nurseries.update_manager.git import Git, GitFailed
from nurseries.update_manager.git_change import GitChange

ORIGIN = "origin"
_SHOWN_FILES = 10


class GitRecovery:
    """Of one clone; `facts` is the last look at it."""

    def __init__(
        self,
        git: Git,
        change: GitChange,
        settings: UpdateItemSettings,
        facts: GitFacts,
        *,
        stamp: Callable[[], str] = lambda: time.strftime("%Y%m%d-%H%M%S"),
    ) -> None:
        self._git = git
        self._change = change
        self._settings = settings
        self._facts = facts
        self._stamp = stamp
        self._switch = FolderSwitch(git.path, "recovery")

    @property
    def _tip(self) -> str:
        return f"refs/remotes/{ORIGIN}/{self._settings.primary_branch}"

    # Softly

    async def soft(self, tell: Tell) -> None:
        """Reset to the official branch; raises `UpdateFailed`."""
        if not await trio.Path(self._git.path / ".git").exists():
            raise UpdateFailed(f"{self._git.path} is not a clone; recover it with 'hard'")
        await self._change.wait_for_locks(tell)
        removed = await self._change.remove_locks()
        if removed:
            tell(f"Locks that an ended git left were removed: {', '.join(removed[:5])}")
        try:
            await self._mend(tell)
            target = await self._target(self._git)
            await self._put_aside(target, tell)
            await self._reset(target, tell)
        except GitFailed as exc:
            hint = "; it can be cloned anew: recover it with 'hard'" if exc.is_damaged else ""
            raise UpdateFailed(f"{exc}{hint}") from exc

    async def _mend(self, tell: Tell) -> None:
        """Let git find and fetch what is missing."""
        removed = await trio.to_thread.run_sync(_remove_empty_objects, await self._change.folder())
        if removed:
            tell(f"{removed} objects without content were removed")
        if ORIGIN not in (await self._git.ask("remote")).split():
            if not self._settings.origin:
                raise UpdateRefused(f"{self._git.path} has no remote '{ORIGIN}' to recover from")
            await self._git.change("remote", "add", ORIGIN, self._settings.origin)
        await self._git.change("fetch", "--prune", "--tags", "--force", ORIGIN, tell=tell)
        await self._change.check_objects()

    async def _target(self, git: Git) -> str:
        """The pinned commit, else where it stands if that is official, else the official tip."""
        for commit in (self._settings.choices.pinned_commit, self._facts.current_hash):
            if commit in (None, UNKNOWN):
                continue
            known = await git.agrees("rev-parse", "--verify", "-q", f"{commit}^{{commit}}")
            if known and await git.agrees("merge-base", "--is-ancestor", str(commit), self._tip):
                return str(commit)
        return self._tip

    async def _put_aside(self, target: str, tell: Tell) -> None:
        """Copy what would be overwritten."""
        changed = await self._git.ask("diff", "--name-only", "-z", "HEAD", but=(128,))
        others = await self._git.ask("ls-files", "--others", "-z")
        listed = set(
            (await self._git.ask("ls-tree", "-r", "--name-only", "-z", target)).split("\0")
        )
        names = [name for name in changed.split("\0") if name]
        names += [name for name in others.split("\0") if name in listed]
        aside = _beside(self._git.path, f"local-{self._stamp()}")
        copied = await trio.to_thread.run_sync(_copy_files, self._git.path, names, aside)
        if copied:
            # They are nowhere else once the clone is reset.
            await self._change.sync()
            shown = ", ".join(copied[:_SHOWN_FILES])
            more = len(copied) - _SHOWN_FILES
            tell(f"Kept in {aside}: {shown}" + (f" and {more} more" if more > 0 else ""))

    async def _reset(self, target: str, tell: Tell) -> None:
        branch = self._settings.primary_branch
        for unfinished in ("rebase", "cherry-pick", "revert"):
            await self._git.agrees(unfinished, "--quit")
        commit = await self._git.ask("rev-parse", f"{target}^{{commit}}")
        await self._git.change("checkout", "-q", "--force", "-B", branch, commit, tell=tell)
        await self._git.change("reset", "--hard", "-q", commit)
        await self._git.change("branch", "-q", f"--set-upstream-to={ORIGIN}/{branch}", branch)
        await self._change.sync()

    # Hard

    async def hard(self, tell: Tell) -> None:
        """Clone anew; raises `UpdateFailed`, and then the folder is as it was."""
        if await trio.Path(self._git.path / ".git").is_file():
            raise UpdateRefused(
                "A submodule, or a further work tree of a clone, cannot be cloned anew"
            )
        url = self._facts.recovery_url(self._settings.origin)
        if url == UNKNOWN:
            raise UpdateRefused(f"The address that {self._git.path} was cloned from is not known")
        done = False
        tell(f"Cloning {url}...")
        try:
            await self._clone(await self._with_login(url), tell)
            await trio.to_thread.run_sync(
                _link_local_files, self._git.path, self._switch.new, await self._tracked()
            )
            await trio.to_thread.run_sync(self._switch.put)
            done = True
        except OSError as exc:
            raise refused_by_system(exc, f"{self._git.path} cannot be replaced") from exc
        finally:
            if not done:
                with trio.move_on_after(60, shield=True):
                    await trio.to_thread.run_sync(self._switch.finish)
        kept = await trio.to_thread.run_sync(self._keep_old)
        if kept is not None:
            tell(f"Everything as it was is kept in {kept}; remove it when you do not need it")

    async def _with_login(self, url: str) -> str:
        """The same address with the login that it has in the clone, or in the configuration."""
        asked = "config", "--get", "remote.origin.url"
        with contextlib.suppress(GitFailed):
            found = await self._git.ask(*asked, but=(1,))
            if without_login(found) == url:
                return found
        origin = self._settings.origin
        return origin if without_login(origin) == url else url

    async def _clone(self, url: str, tell: Tell) -> None:
        await trio.to_thread.run_sync(self._switch.begin)
        beside = Git(self._git.runner, self._switch.staging)
        branch = self._settings.primary_branch
        await beside.change(
            "clone", "--branch", branch, "--filter=blob:none", "--", url, "new", tell=tell
        )
        clone = Git(self._git.runner, self._switch.new)
        commit = await clone.ask("rev-parse", f"{await self._target(clone)}^{{commit}}")
        await clone.change("reset", "--hard", "-q", commit)
        if await trio.Path(self._switch.new / ".gitmodules").exists():
            await clone.change("submodule", "update", "--init", "--recursive", tell=tell)

    async def _tracked(self) -> frozenset[str]:
        clone = Git(self._git.runner, self._switch.new)
        return frozenset((await clone.ask("ls-files", "-z")).split("\0"))

    def _keep_old(self) -> Path | None:
        if not self._switch.new.exists():
            self._switch.finish()
            return None
        aside = _beside(self._switch.path, f"broken-{self._stamp()}")
        self._switch.new.rename(aside)
        self._switch.finish()
        return aside

    async def resume(self) -> str | None:
        """After an interruption: what was done."""
        await trio.to_thread.run_sync(self._switch.settle)
        if await trio.to_thread.run_sync(lambda: self._switch.is_put):
            kept = await trio.to_thread.run_sync(self._keep_old)
            return f"it was cloned anew; everything as it was is kept in {kept}"
        return await trio.to_thread.run_sync(self._switch.resume)


def _beside(path: Path, label: str) -> Path:
    """A name beside the folder that is not there yet."""
    number, found = 1, path.with_name(f"{path.name}.{label}")
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{label}-{number}")
    return found


def _remove_empty_objects(folder: Path) -> int:
    """Loose objects that a power cut left without content; git fetches them anew."""
    count = 0
    for file in (folder / "objects").glob("??/*"):
        with contextlib.suppress(OSError):
            if file.stat().st_size == 0:
                file.unlink()
                count += 1
    return count


def _copy_files(path: Path, names: list[str], aside: Path) -> list[str]:
    """Copy those that exist; their names. Raises `UpdateFailed`: then nothing is to be reset."""
    copied: list[str] = []
    for name in names:
        source, target = path / name, aside / name
        if not os.path.lexists(source) or source.is_dir():
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
        except OSError as exc:
            text = f"{name} cannot be kept in {aside}, so nothing was reset: {exc.strerror}"
            raise UpdateFailed(text) from exc
        copied.append(name)
    return copied


def _link_local_files(old: Path, new: Path, tracked: frozenset[str]) -> None:
    """Files that are not the repository's, under the same names: nothing is copied."""
    for source in _files(old):
        name = source.relative_to(old)
        target = new / name
        if str(name) in tracked or os.path.lexists(target):
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target, follow_symlinks=False)
        except OSError as exc:
            raise refused_by_system(exc, f"{name} cannot be taken along") from exc


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        if Path(root) == folder and ".git" in folders:
            folders.remove(".git")
        yield from (Path(root) / name for name in files)
        yield from (Path(root) / name for name in folders if (Path(root) / name).is_symlink())
