"""Reads folders into the trees: new ones, those that nobody watches, all of them after an overflow.

Run by `LiveTrees` under its lock. A folder is watched before it is read, so that nothing that
is put there meanwhile is missed. What waits stays waiting until it was read to its end.
"""

from collections.abc import Callable

import trio

from mrk.files.tree import Folder, Tree
from nurseries.files import disk
from nurseries.files.threads import Threads
from nurseries.files.watch.inotify import InotifyWatches, NoWatches
from nurseries.files.watch.kept_trees import KeptTrees, Scan, inode

ENTRIES_PER_TURN = 500
POLL_S = 5.0
_ON_NETWORK = "is on a network file system: changes by other machines are seen within 5 s"


class FolderScans:
    """Reads what waits in `kept.to_scan`; `warn` hears of folders that cannot be watched."""

    def __init__(self, kept: KeptTrees, threads: Threads, warn: Callable[[str], None]) -> None:
        self._kept = kept
        self._threads = threads
        self._warn = warn
        self._network: dict[int, bool] = {}

    async def scan_waiting(self) -> None:
        while self._kept.to_scan:
            scan = self._kept.to_scan[0]
            if self._kept.trees.get(scan.tree.root) is scan.tree and scan.tree.holds(scan.folder):
                await self._scan(scan)
            self._kept.to_scan.popleft()

    async def _scan(self, scan: Scan) -> None:
        tree, folder = scan.tree, scan.folder
        if not await self._begin_scan(tree, folder):
            return
        known = dict(folder.entries)
        path = self._kept.path(tree, folder)
        reserved = self._kept.roots.reserved
        found = await self._threads.run(
            disk.compare, path, known, reserved, ask_writers=scan.announce
        )
        if found.stat is None:
            folder.opaque = folder.parent is not None
            return
        folder.opaque = False
        if folder.parent is None:
            folder.stat = found.stat
        for count, name in enumerate(found.gone):
            if count % ENTRIES_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if name in folder.entries:
                self._kept.lost(tree, folder, name)
        for count, (name, look) in enumerate(found.present.items()):
            if count % ENTRIES_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            assert look.stat is not None
            if scan.announce:
                self._kept.compare(tree, folder, name, look, closed=look.being_written is False)
            else:
                self._kept.put(tree, folder, name, look.stat, announce=False)

    async def _begin_scan(self, tree: Tree, folder: Folder) -> bool:
        """Watch a folder before it is read; False when its contents are not kept."""
        if not folder.stat.permissions:
            folder.opaque = True
            return False
        key = (tree.root, folder.stat.device, folder.stat.inode)
        twin = self._kept.known.get(key)
        if twin is not None and twin is not folder:
            path = self._kept.path(tree, twin)
            there = await self._threads.run(disk.look, path, self._kept.roots.reserved)
            if tree.holds(twin) and there is not None and inode(there) == inode(twin):
                folder.opaque = True
                return False
            self._kept.unwatch(tree, twin)
        self._kept.known[key] = folder
        if folder.watch is None and self._kept.watches is not None:
            await self._watch(tree, folder, self._kept.watches)
        return True

    async def _watch(self, tree: Tree, folder: Folder, watches: InotifyWatches) -> None:
        device = folder.stat.device
        if device not in self._network:
            self._network[device] = await self._threads.run(disk.on_network, device)
        if self._network[device]:
            if not folder.polled:
                self._warn(f"{self._kept.path(tree, folder)} {_ON_NETWORK}")
            folder.polled = True
            return
        try:
            watch = await self._threads.run(watches.add, self._kept.path(tree, folder))
        except NoWatches:
            if not folder.polled:
                self._warn(
                    "fs.inotify.max_user_watches is too low: some folders are read every 5 s"
                )
            folder.polled = True
            return
        except OSError:
            return  # gone, or not to be read: reading it will show
        folder.watch, folder.polled = watch, False
        self._kept.watched.setdefault(watch, []).append((tree, folder))
