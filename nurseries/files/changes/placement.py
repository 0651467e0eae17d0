"""The last step of everything that makes files: a rename under the lock, metadata, a notification.

Used by the operations, the archives and the uploads. What is complete lies under a temporary
name in its folder; it takes its place, or it is gone.
"""

from pathlib import Path, PurePosixPath

from mrk.errors import ClientError
from mrk.files.arrived import ArrivedFile
from mrk.files.file_protocols import FileMetadata, InUse
from mrk.files.paths import RootPath, has_metadata
from mrk.files.records import Action, Change, Item, Stat
from mrk.files.roots import Roots
from nurseries.files import disk_paths
from nurseries.files.changes.removal import Removal
from nurseries.files.disk_paths import DiskPath
from nurseries.files.os_errors import refusal
from nurseries.files.threads import RootThreads
from nurseries.files.watch.announcer import GCODES, FileAnnouncer
from nurseries.files.watch.folder_walk import walk_files
from nurseries.files.watch.mounted_trees import MountedTrees

IN_USE = 403


class Placement:
    """Parts of the file manager that its operations share, and what they all end with."""

    def __init__(
        self,
        roots: Roots,
        trees: MountedTrees,
        threads: RootThreads,
        announcer: FileAnnouncer,
        removal: Removal,
        metadata: FileMetadata,
        in_use: InUse,
    ) -> None:
        self.roots = roots
        self.trees = trees
        self.threads = threads
        self.announcer = announcer
        self.removal = removal
        self.metadata = metadata
        self._in_use = in_use

    async def find(self, path: RootPath) -> DiskPath:
        """Where something may be written; raises 403."""
        return await self.threads.of(path.root).run(disk_paths.find, self.roots, path, write=True)

    async def find_new_path(self, path: RootPath) -> RootPath:
        """The path at which a client's new file or folder is made; raises 400, 403."""
        return await self.threads.of(path.root).run(disk_paths.find_new_path, self.roots, path)

    async def find_existing(
        self, path: RootPath, *, write: bool, kind: str = "File or directory"
    ) -> DiskPath:
        """Where something is; raises 403, and 400 if it is not."""
        threads = self.threads.of(path.root)
        find = disk_paths.find_existing
        return await threads.run(find, self.roots, path, write=write, kind=kind)

    async def put_in_place(self, temporary: Path, dest: RootPath) -> Change:
        """Rename a complete temporary file or folder to what it is to be; gone on errors."""
        change, stat = await self._put(temporary, dest, through_link=False)
        await self.scan(dest, stat)
        return change

    async def put_upload(
        self, temporary: Path, dest: RootPath, sha256: str | None
    ) -> tuple[Change, str | None]:
        """The same for what was uploaded, with the digest of what lies there then.

        `sha256` is that of the temporary as it was received, None for what was made of it.
        """
        change, stat = await self._put(temporary, dest, through_link=True)
        if dest.root != GCODES or not has_metadata(dest.name):
            return change, sha256
        seen = stat.size, stat.modified
        arrived = ArrivedFile(*seen, sha256)
        record = await self.metadata.request_scan(dest.path, arrived)
        if record is not None and "sha256" in record:
            return change, record["sha256"]
        untouched = record is None or (record.get("size"), record.get("modified")) == seen
        return change, sha256 if untouched else None

    async def _put(
        self, temporary: Path, dest: RootPath, through_link: bool
    ) -> tuple[Change, Stat]:
        placed = False
        try:
            async with self.trees.changing(dest.root):
                new = await self.find(dest)
                self.require_unused(new)
                place = self.threads.of(dest.root).run
                stat = await place(_place, temporary, new, self.roots, through_link)
                placed = True
                self.trees.put(dest, stat, announce=False)
        finally:
            if not placed:
                self.removal.discard(temporary)
        item = Item.of(dest, stat, new.root.writable)
        return Change(_put_action(new, stat), item), stat

    def require_unused(self, place: DiskPath) -> None:
        """Raise 403 for a file that is being printed, or a folder that holds it."""
        if place.stat is not None and self._in_use.is_in_use(PurePosixPath(place.real)):
            raise ClientError(f"{place.path} is being printed", IN_USE)

    async def scan(self, path: RootPath, stat: Stat) -> None:
        """Returns when the metadata of a new g-code file, or of those in a folder, is there."""
        if path.root != GCODES:
            return
        if not stat.is_folder:
            if has_metadata(path.name):
                await self.metadata.request_scan(path.path)
            return
        real = self.roots.get(path.root).disk_path(path.parts)
        threads = self.threads.of(path.root)
        with self.announcer.arriving(path):
            for name, _stat in await threads.run(walk_files, real, self.roots.reserved):
                if has_metadata(name):
                    await self.metadata.request_scan(f"{path.path}/{name}")

    def told(self, change: Change) -> Change:
        """Have clients told behind the answer."""
        self.announcer.own(change)
        return change


def _put_action(new: DiskPath, stat: Stat) -> Action:
    if stat.is_folder:
        return Action.CREATE_DIR
    return Action.CREATE_FILE if new.stat is None else Action.MODIFY_FILE


def stat_after(roots: Roots, path: RootPath) -> Stat:
    """In a thread: what has just been put somewhere."""
    stat = disk_paths.find(roots, path, write=True).stat
    if stat is None:
        raise ClientError(f"{path} was taken away at once")
    return stat


def _place(temporary: Path, new: DiskPath, roots: Roots, through_link: bool) -> Stat:
    target = new.disk
    if through_link and new.stat is not None and new.stat.is_link:
        roots.reserved.check(str(new.real), write=True)
        target = new.real
    if new.is_folder:
        raise ClientError(f"{new.path} is a folder")
    try:
        temporary.rename(target)
    except OSError as error:
        raise refusal(error, f"{new.path} could not be written") from error
    return stat_after(roots, new.path)
