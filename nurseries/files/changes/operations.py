"""Changes that clients ask for: folders, moves, copies and deletions.

Slow work is done under a temporary name without the lock; what clients can see changes by one
rename under the locks of `MountedTrees`, so every request ends, in whatever order, on a tree that
is whole. Nobody takes a lock twice. Disk first, tree next in the same breath,
metadata once the lock is given back, and the announcement behind the answer.
"""

import errno
import os
from pathlib import Path

import trio

from config.whole_file import sync
from mrk.errors import ClientError
from mrk.files.paths import RootPath, has_metadata
from mrk.files.records import Action, Change, Item, SourceItem, Stat
from mrk.files.roots import READ_ONLY, Roots, require_writable
from mrk.files.temporary import Purpose
from nurseries.files import disk_paths
from nurseries.files.changes import copying
from nurseries.files.changes.placement import Placement, stat_after
from nurseries.files.changes.removal import fresh_name
from nurseries.files.disk_paths import DiskPath
from nurseries.files.os_errors import refusal
from nurseries.files.watch.announcer import GCODES, carry_metadata

Versions = dict[str, copying.Version]


class Operations:
    """What requests do to files; every method raises `ClientError`."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._roots = placement.roots
        self._trees = placement.trees
        self._threads = placement.threads
        self._scans = placement.announcer.scans
        self._metadata = placement.metadata
        # What is kept under names follows in the order in which the files were moved.
        self._following = trio.Lock()

    async def make_folder(self, text: str) -> Change:
        """Create one folder; its parent must exist."""
        root, path = self._roots.locate(text)
        require_writable(root, READ_ONLY)
        path = await self._placement.find_new_path(path)
        async with self._trees.changing(path.root):
            stat = await self._threads.of(path.root).run(_make_folder, self._roots, path)
            self._trees.put(path, stat)
        change = Change(Action.CREATE_DIR, Item.of(path, stat, root.writable))
        return self._placement.told(change)

    async def delete_folder(self, text: str, force: bool) -> Change:
        """Remove a folder, with `force` also one that is not empty."""
        root, path = self._roots.locate(text)
        require_writable(root, READ_ONLY)
        if not path.parts:
            raise ClientError(f"The root {root.name} itself cannot be deleted")
        async with self._trees.changing(path.root):
            place = await self._placement.find_existing(path, write=True, kind="Directory")
            if not place.is_folder:
                raise ClientError(f"{path} is not a folder")
            if force:
                self._placement.require_unused(place)
            trash = await self._threads.of(path.root).run(_hide_folder, place, force)
            self._trees.remove(path)
        if trash is not None:
            await self._empty(trash, place)
        await self._forget_metadata(path)
        return self._placement.told(Change(Action.DELETE_DIR, Item.gone(path)))

    async def _empty(self, trash: Path, place: DiskPath) -> None:
        """What cannot be removed comes back, so that a person sees it."""
        error = await self._placement.removal.remove(trash)
        if error is None:
            return
        async with self._trees.changing(place.path.root):
            threads = self._threads.of(place.path.root)
            stat = await threads.run(_bring_back, trash, place, self._roots)
            if stat is not None:
                self._trees.put(place.path, stat, announce=False)
        raise refusal(error, f"{place.path} could not be deleted whole")

    async def delete_file(self, text: str) -> Change:
        """Remove a file, or a link to one."""
        root, path = self._roots.locate(text)
        require_writable(root, READ_ONLY)
        async with self._trees.changing(path.root):
            place = await self._placement.find_existing(path, write=True, kind="File")
            if place.is_folder:
                raise ClientError(f"{path} is not a file")
            self._placement.require_unused(place)
            await self._threads.of(path.root).run(_unlink, place)
            self._trees.remove(path)
        if has_metadata(path.name):
            await self._forget_metadata(path)
        return self._placement.told(Change(Action.DELETE_FILE, Item.gone(path)))

    async def _forget_metadata(self, path: RootPath) -> None:
        if path.root == GCODES:
            self._scans.drop(path.path)
            async with self._following:
                await self._metadata.remove(path.path)
            await self._overtaken(path)

    async def _overtaken(self, path: RootPath) -> None:
        if path.root == GCODES:
            await self._placement.announcer.scan_overtaken(path.path)

    async def move(self, source_text: str, dest_text: str) -> Change:
        """Move or rename; into `dest` if that is a folder. A file there is replaced."""
        source_root, source = self._roots.locate(source_text)
        dest_root, dest = self._roots.locate(dest_text)
        require_writable(source_root)
        require_writable(dest_root)
        if not source.parts:
            raise ClientError(f"The root {source_root.name} itself cannot be moved")
        threads = self._threads.of(source.root, dest.root)
        async with self._trees.changing(source.root, dest.root):
            old, new = await self._pair(source, dest, moving=True)
            stat = await threads.run(_rename, old, new, self._roots)
            if stat is not None:
                self._trees.move(source, new.path, stat)
        if stat is None:
            old, new, stat = await self._move_across(old, new)
        return self._placement.told(await self._moved(old, new, stat))

    async def _move_across(self, old: DiskPath, new: DiskPath) -> tuple[DiskPath, DiskPath, Stat]:
        """To another file system: a copy takes its place, then the original goes."""
        before = await self._threads.of(old.path.root).run(_check_leaves, old)
        temporary = await self._copy(old, new, whole=True)
        hidden: Path | None = None
        try:
            threads = self._threads.of(old.path.root, new.path.root)
            async with self._trees.changing(old.path.root, new.path.root):
                old, new = await self._pair(old.path, new.path, moving=True)
                await self._threads.of(old.path.root).run(_check_unchanged, old, before)
                hidden, stat = await threads.run(_swap, old, temporary, new, self._roots)
                self._trees.remove(old.path)
                self._trees.put(new.path, stat, announce=False)
        finally:
            self._placement.removal.discard(temporary if hidden is None else hidden)
        return old, new, stat

    async def _moved(self, old: DiskPath, new: DiskPath, stat: Stat) -> Change:
        action = Action.MOVE_DIR if stat.is_folder else Action.MOVE_FILE
        source = SourceItem(old.path.path, old.path.root)
        item = Item.of(new.path, stat, new.root.writable)
        waiting = self._scans.tell_waiting(source.path) if source.root == GCODES else []
        async with self._following:
            await carry_metadata(self._metadata, source, item, action)
        if item.root == GCODES:
            for path in waiting:
                self._scans.add(item.path + path[len(source.path) :], None)
        if source.root != GCODES or not (stat.is_folder or has_metadata(source.path)):
            await self._placement.scan(new.path, stat)
        else:
            await self._overtaken(new.path)
        return Change(action, item, source)

    async def copy(self, source_text: str, dest_text: str) -> Change:
        """Copy a file, or a folder to a new name."""
        _source_root, source = self._roots.locate(source_text)
        dest_root, dest = self._roots.locate(dest_text)
        require_writable(dest_root)
        # What is at `dest` is looked at again when the copy is put there.
        async with self._trees.changing(source.root):
            old, new = await self._pair(source, dest, moving=False)
        temporary = await self._copy(old, new)
        change = await self._placement.put_in_place(temporary, new.path)
        return self._placement.told(change)

    async def _copy(self, old: DiskPath, new: DiskPath, *, whole: bool = False) -> Path:
        temporary = fresh_name(new.disk.parent, Purpose.COPY)
        try:
            threads = self._threads.of(old.path.root, new.path.root)
            reserved = self._roots.reserved
            await threads.run(copying.copy_to, old.real, temporary, reserved, whole=whole)
        except OSError as error:
            raise refusal(error, f"{old.path} could not be copied") from error
        return temporary

    async def _pair(
        self, source: RootPath, dest: RootPath, *, moving: bool
    ) -> tuple[DiskPath, DiskPath]:
        """Where both are; raises for what speaks against it."""
        old = await self._placement.find_existing(source, write=moving)
        new = await self._placement.find(await self._placement.find_new_path(dest))
        if new.is_folder and (moving or not old.is_folder):
            inside = await self._placement.find_new_path(new.path.child(source.name))
            new = await self._placement.find(inside)
        _check_pair(old, new)
        if moving:
            self._placement.require_unused(old)
        self._placement.require_unused(new)
        return old, new


def _check_pair(old: DiskPath, new: DiskPath) -> None:
    if old.stat is not None and not old.stat.permissions:
        raise ClientError(f"Access to {old.path} is not allowed", 403)
    if new.disk == old.disk:
        raise ClientError("Source and destination are the same")
    if new.is_folder:
        raise ClientError(f"{new.path} is there already")
    if not old.is_folder:
        return
    if new.stat is not None:
        raise ClientError(f"{new.path} is a file")
    if old.real == new.real or old.real in new.real.parents:
        raise ClientError("A folder cannot go into itself")


# In a thread


def _make_folder(roots: Roots, path: RootPath) -> Stat:
    place = disk_paths.find(roots, path, write=True)
    try:
        place.disk.mkdir()
    except OSError as error:
        raise refusal(error, f"{path} could not be created") from error
    return stat_after(roots, path)


def _hide_folder(place: DiskPath, force: bool) -> Path | None:
    """Take a folder away; returns where it is if it has still to be emptied."""
    try:
        if place.disk.is_symlink():
            place.disk.unlink()
            return None
        if not force:
            place.disk.rmdir()
            return None
        trash = fresh_name(place.disk.parent, Purpose.TRASH)
        place.disk.rename(trash)
    except OSError as error:
        raise refusal(error, f"{place.path} could not be deleted") from error
    return trash


def _bring_back(trash: Path, place: DiskPath, roots: Roots) -> Stat | None:
    try:
        if not os.path.lexists(place.disk):
            trash.rename(place.disk)
            return disk_paths.find(roots, place.path, write=False).stat
    except OSError:
        pass  # it stays hidden, and is swept at the next start
    return None


def _unlink(place: DiskPath) -> None:
    try:
        place.disk.unlink()
    except OSError as error:
        raise refusal(error, f"{place.path} could not be deleted") from error


def _rename(old: DiskPath, new: DiskPath, roots: Roots) -> Stat | None:
    """None when the other place is on another file system."""
    try:
        old.disk.rename(new.disk)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return None
        raise refusal(error, f"{old.path} could not be moved") from error
    return stat_after(roots, new.path)


def _swap(old: DiskPath, temporary: Path, new: DiskPath, roots: Roots) -> tuple[Path, Stat]:
    """Put a copy in place, then hide the original; returns where that is."""
    hidden = fresh_name(old.disk.parent, Purpose.TRASH)
    try:
        temporary.rename(new.disk)
        try:
            # Of two disks one may lose what the other has: the original goes last.
            sync(new.disk.parent)
            old.disk.rename(hidden)
        except OSError:
            if new.stat is None:
                new.disk.rename(temporary)
            raise
    except OSError as error:
        raise refusal(error, f"{old.path} could not be moved") from error
    return hidden, stat_after(roots, new.path)


def _check_leaves(old: DiskPath) -> Versions:
    """Before all of it is copied: whether it may be taken away; returns what there is."""
    if not os.access(old.disk.parent, os.W_OK | os.X_OK):
        raise ClientError(f"{old.path} could not be moved: its folder is read-only")
    return _versions(old)


def _check_unchanged(old: DiskPath, before: Versions) -> None:
    """What came into a folder, or was written, behind the copy's back would be removed with it."""
    if _versions(old) != before:
        raise ClientError(f"{old.path} was changed while it was being moved, and stays")


def _versions(old: DiskPath) -> Versions:
    try:
        return copying.versions(old.disk)
    except OSError as error:
        raise refusal(error, f"{old.path} could not be moved") from error
