"""Changes the work tree of a clone to another commit, so that an interruption can be put right.

Beside the repository's own files lies a note while a change is under way (`.git/mrk-update.json`).
Until the note says that all is in place, `undo` and `resume` bring back the commit before; files
that are not the repository's stay as they are.
"""

import contextlib
import enum
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import trio

from config.whole_file import sync_file_system, write_whole
from mrk import foreign_json
from mrk.foreign_json import NotJson
from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed, UpdateRefused, refused_by_system
from nurseries.update_manager.git import Git
from nurseries.update_manager.unpack import check_free_space

_NOTE = "mrk-update.json"
# How long another git may hold a lock.
LOCK_S = 60.0
_BEAT_S = 0.5
_SPARE_BYTES = 50 * 1024 * 1024
_SHOWN_FILES = 5


class Phase(enum.StrEnum):
    """How far a change has come."""

    FETCHING = "fetching"  # only what the remote has
    CHANGING = "changing"  # files, the environment
    DONE = "done"  # all is in place, and has still to prove itself


class ChangeNote(msgspec.Struct, frozen=True):
    """What is changed: commits, the branch before (empty: detached), and files that come new."""

    phase: Phase
    before: str = ""
    target: str = ""
    branch: str = ""
    added: tuple[str, ...] = ()


class GitChange:
    """Of one clone."""

    def __init__(self, git: Git, *, lock_s: float = LOCK_S) -> None:
        self._git = git
        self._lock_s = lock_s

    async def folder(self) -> Path:
        """Where git keeps its own files; found without git, which refuses a damaged clone."""
        return await trio.to_thread.run_sync(_git_folder, self._git.path)

    async def wait_for_locks(self, tell: Tell) -> None:
        """Let another git end its work; a lock that is old, or stays, is what an ended one left."""
        folder = await self.folder()
        with trio.move_on_after(self._lock_s):
            # Of another program's file there is no event.
            while (age_s := await trio.to_thread.run_sync(_lock_age, folder)) <= self._lock_s:  # noqa: ASYNC110
                await trio.sleep(_BEAT_S)
            if math.isinf(age_s):
                return
        removed = await self.remove_locks()
        if removed:
            tell(f"Locks that another git left were removed: {', '.join(removed[:5])}")

    async def fetch(self, remote: str, tell: Tell | None) -> None:
        """Get what the remote has; raises `GitFailed`."""
        await self._write(ChangeNote(Phase.FETCHING))
        await self._git.change("fetch", "--prune", "--tags", "--force", remote, tell=tell)
        await self._write(None)

    async def check_objects(self) -> None:
        """Let git look whether everything that its branches need is there; raises `GitFailed`."""
        await self._git.change("fsck", "--full", "--connectivity-only")

    async def move(
        self, before: str, target: str, branch: str, tell: Tell, *, back: bool = False
    ) -> None:
        """Go to a commit, `back` to an older one; raises `UpdateFailed`, with nothing changed.

        Forward, commits that were made here are in the way; they are never dropped.
        """
        added = await self._added(before, target)
        self._check_in_the_way(added)
        await trio.to_thread.run_sync(check_free_space, self._git.path, _SPARE_BYTES)
        here = await self._git.ask("symbolic-ref", "-q", "--short", "HEAD", but=(1,))
        note = ChangeNote(Phase.CHANGING, before, target, here, added)
        await self._write(note)
        done = False
        try:
            if here != branch:
                await self._git.change("checkout", "-q", branch, tell=tell)
            how = ("reset", "--hard", "-q") if back else ("merge", "--ff-only", "-q")
            await self._git.change(*how, target, tell=tell)
            await self._update_submodules(tell)
            done = True
        finally:
            if not done:
                with trio.move_on_after(60, shield=True):
                    await self.undo()

    async def done(self) -> None:
        """All that belongs to the change is in place."""
        note = await self.note()
        if note is not None:
            await self.sync()
            await self._write(msgspec.structs.replace(note, phase=Phase.DONE))

    async def sync(self) -> None:
        """Bring the work tree onto the disk: after a power cut git's new files would be empty."""
        await trio.to_thread.run_sync(sync_file_system, self._git.path)

    async def forget(self) -> None:
        """The change has proved itself."""
        await self._write(None)

    async def undo(self) -> ChangeNote | None:
        """Bring back what was there before the change that the note is of."""
        note = await self.note()
        if note is None:
            return None
        # What this server started may outlive it.
        await self.wait_for_locks(lambda _text: None)
        await self.remove_locks()
        if note.before:
            if note.branch:
                # Without files: those are put right at once by the next command.
                await self._git.change("symbolic-ref", "HEAD", f"refs/heads/{note.branch}")
                await self._git.change("reset", "--hard", "-q", note.before)
            else:
                await self._git.change("checkout", "-q", "--detach", "--force", note.before)
            await trio.to_thread.run_sync(_remove_files, self._git.path, note.added)
            await self.sync()
        await self._write(None)
        return note

    async def note(self) -> ChangeNote | None:
        """Of a change that is under way, or was when this server ended."""
        try:
            data = await trio.Path(await self.folder() / _NOTE).read_bytes()
            return foreign_json.decode(data, ChangeNote)
        except (OSError, NotJson, UpdateFailed):
            return None

    async def _write(self, note: ChangeNote | None) -> None:
        path = await self.folder() / _NOTE
        try:
            await trio.to_thread.run_sync(_write, path, note)
        except OSError as exc:
            raise refused_by_system(exc, f"{path} cannot be written") from exc

    async def remove_locks(self) -> list[str]:
        """Locks that an ended git left; none of ours runs. Their names."""
        folder = await self.folder()
        return await trio.to_thread.run_sync(lambda: list(_remove_locks(folder)))

    async def _added(self, before: str, target: str) -> tuple[str, ...]:
        listed = await self._git.ask(
            "diff", "--name-only", "--no-renames", "--diff-filter=A", "-z", before, target
        )
        return tuple(name for name in listed.split("\0") if name)

    def _check_in_the_way(self, added: tuple[str, ...]) -> None:
        found = [name for name in added if os.path.lexists(self._git.path / name)]
        if found:
            more = len(found) - _SHOWN_FILES
            names = ", ".join(found[:_SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")
            raise UpdateRefused(
                f"Update aborted, the new version brings files that are here already: {names}."
                " Move them away, or recover the item"
            )

    async def _update_submodules(self, tell: Tell) -> None:
        if await trio.Path(self._git.path / ".gitmodules").exists():
            await self._git.change("submodule", "update", "--init", "--recursive", tell=tell)


def _git_folder(path: Path) -> Path:
    """The folder `.git`, or the one that a file of that name points to."""
    place = path / ".git"
    try:
        text = place.read_text()
    except OSError:
        return place
    return (path / text.removeprefix("gitdir:").strip()).resolve()


def _lock_age(folder: Path) -> float:
    """Seconds since somebody took the index; infinite while nobody holds it."""
    try:
        return time.time() - (folder / "index.lock").stat().st_mtime
    except OSError:
        return math.inf


def _write(path: Path, note: ChangeNote | None) -> None:
    if note is None:
        path.unlink(missing_ok=True)
        return
    write_whole(path, msgspec.json.encode(note))


def _remove_locks(folder: Path) -> Iterator[str]:
    for pattern in ("*.lock", "refs/**/*.lock", "objects/info/*.lock", "objects/pack/tmp_*"):
        for lock in folder.glob(pattern):
            with contextlib.suppress(OSError):
                lock.unlink()
                yield lock.name


def _remove_files(folder: Path, names: tuple[str, ...]) -> None:
    """What the undone change brought; none of it was there before."""
    for name in names:
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)
        for parent in Path(name).parents[:-1]:
            # As git does; what holds a file of its owner's stays.
            with contextlib.suppress(OSError):
                (folder / parent).rmdir()
