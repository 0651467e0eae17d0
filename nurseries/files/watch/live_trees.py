"""The writable roots in memory, kept true: what changed on disk is found and told.

An event only says where to look. What is found there is compared with the tree, and only a
difference is told; so changes that mrk made itself, and put into the tree at once, are not told
twice, nor is anything lost when events come late, twice, or not at all. `lock` guards trees
and visible changes on disk: whoever holds it may await threads.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from mrk.files.paths import RootPath
from mrk.files.records import Stat
from mrk.files.roots import Root, Roots
from mrk.files.tree import Folder, Tree
from nurseries.files import disk
from nurseries.files.threads import Threads
from nurseries.files.watch.event_intake import EventIntake
from nurseries.files.watch.folder_scans import POLL_S, FolderScans
from nurseries.files.watch.inotify import InotifyWatches
from nurseries.files.watch.kept_trees import KeptTrees, Scan, Tell

# How often files that are being written, and halves of moves, are looked after.
CHECK_S = 1.0


class LiveTrees:
    """Trees of the watched roots that lie on one file system (`holds`).

    `tell(change, overwrote)` hears of every change that somebody else made; `warn` of folders
    that cannot be watched.
    """

    def __init__(
        self,
        roots: Roots,
        threads: Threads,
        tell: Tell,
        warn: Callable[[str], None],
        holds: Callable[[Root], bool],
    ) -> None:
        self.lock = trio.Lock()
        self._roots = roots
        self._holds = holds
        self._threads = threads
        self._kept = KeptTrees(roots, tell)
        self._scans = FolderScans(self._kept, threads, warn)
        self._intake = EventIntake(self._kept, self._scans, threads)

    async def serve(
        self,
        watches: InotifyWatches,
        returned: Callable[[Root], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Keep the writable roots true until cancelled; `started` when all are read.

        `returned` hears of a root whose folder had gone and is back.
        """
        self._kept.watches = watches
        try:
            for root in self._writable():
                await self._open_root(root)
            task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow, watches, name="file events")
                nursery.start_soon(self._check, name="unfinished files")
                nursery.start_soon(self._poll, returned, name="folders without events")
        finally:
            self._kept.clear()
            self._intake.clear()

    async def _follow(self, watches: InotifyWatches) -> None:
        while True:
            await watches.wait()
            async with self.lock:
                await self._intake.catch_up()

    async def _check(self) -> None:
        while True:
            await trio.sleep(CHECK_S)
            async with self.lock:
                await self._intake.catch_up()
                await self._intake.check_unfinished(settle=True)
                self._intake.tell_departed(trio.current_time())

    async def _poll(self, returned: Callable[[Root], None]) -> None:
        while True:
            await trio.sleep(POLL_S)
            for root in self._writable():
                if root.name not in self._kept.trees and await self._open_root(root):
                    returned(root)
            for tree, folder in self.polled():
                async with self.lock:
                    self._kept.to_scan.append(Scan(tree, folder, announce=True))
                    await self._scans.scan_waiting()

    def _writable(self) -> list[Root]:
        return [root for root in self._roots if root.writable and self._holds(root)]

    async def _open_root(self, root: Root) -> bool:
        """Read a root, telling nothing; False when it cannot be read."""
        async with self.lock:
            stat = await self._threads.run(disk.look, root.real, self._roots.reserved)
            if stat is None or not stat.is_folder:
                return False
            tree = self._kept.trees[root.name] = Tree(root.name, stat)
            self._kept.to_scan.append(Scan(tree, tree.top, announce=False))
            await self._scans.scan_waiting()
            return root.name in self._kept.trees

    def polled(self, root: str | None = None) -> list[tuple[Tree, Folder]]:
        """Folders in which nobody tells of changes, in one root or all."""
        trees = [tree for tree in self._kept.trees.values() if root in (None, tree.root)]
        return [(tree, folder) for tree in trees for folder in tree.top.folders() if folder.polled]

    # For those who read

    def known(self, root: str) -> Tree | None:
        """The root's tree as it is now, None when it is not kept."""
        return self._kept.trees.get(root)

    async def current(self, root: str) -> Tree | None:
        """The root's tree after all that has happened until now; None when it is not kept."""
        if root not in self._kept.trees:
            return None
        async with self.lock:
            await self._intake.catch_up()
            await self._intake.check_unfinished(settle=False)
            for tree, folder in self.polled(root):
                self._kept.to_scan.append(Scan(tree, folder, announce=True))
            await self._scans.scan_waiting()
        return self._kept.trees.get(root)

    # For those who change files

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Hold the lock with true trees; new folders put in are read before it is given back."""
        async with self.lock:
            await self._intake.catch_up()
            yield
            await self._scans.scan_waiting()

    def put(self, path: RootPath, stat: Stat, *, announce: bool = True) -> None:
        """A file or folder was made; `announce` what is found in a new folder."""
        tree, parent = self._kept.parent(path)
        if tree is not None and parent is not None:
            self._kept.put(tree, parent, path.name, stat, announce=announce)

    def remove(self, path: RootPath) -> None:
        """A file or folder is gone."""
        tree, parent = self._kept.parent(path)
        if tree is not None and parent is not None:
            self._kept.drop(tree, parent, path.name)

    def move(self, source: RootPath, dest: RootPath, stat: Stat) -> None:
        """A file or folder was renamed."""
        kept = self._kept
        tree, parent = kept.parent(source)
        dest_tree, dest_parent = kept.parent(dest)
        if tree is None or parent is None or dest_tree is None or dest_parent is None:
            self.remove(source)
            self.put(dest, stat, announce=False)
            return
        entry = tree.remove(parent, source.name)
        if dest.name in dest_parent.entries:
            kept.drop(dest_tree, dest_parent, dest.name)
        if entry is not None:
            kept.attach(tree, dest_tree, dest_parent, dest.name, entry)
        kept.put(dest_tree, dest_parent, dest.name, stat, announce=False)
