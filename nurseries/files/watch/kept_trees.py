"""What is known of the watched roots, and how one look at the disk changes it.

Used by the other parts of `LiveTrees`, in the event loop; nothing here waits. A difference
between what was known and what was found is told; what is known already is not.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from mrk.files.paths import RootPath, is_utf8
from mrk.files.records import Action, Change, Item, SourceItem, Stat
from mrk.files.roots import Roots
from mrk.files.tree import Folder, Tree
from nurseries.files.disk import FileSnapshot
from nurseries.files.watch.inotify import InotifyWatches

Tell = Callable[[Change, bool], None]


class Scan(msgspec.Struct):
    """A folder that has to be read; `announce` what is found to be different."""

    tree: Tree
    folder: Folder
    announce: bool


class KeptTrees:
    """Trees, their watches, and what waits to be read.

    `unfinished` files are being written: what will be told of them when they are complete.
    `known` finds a folder by root, device and inode, so that links make no circles.
    """

    def __init__(self, roots: Roots, tell: Tell) -> None:
        self.roots = roots
        self.watches: InotifyWatches | None = None
        self.trees: dict[str, Tree] = {}
        self.watched: dict[int, list[tuple[Tree, Folder]]] = {}
        self.known: dict[tuple[str, int, int], Folder] = {}
        self.unfinished: dict[tuple[Folder, str], Action] = {}
        self.to_scan: deque[Scan] = deque()
        self._tell = tell

    def clear(self) -> None:
        """Know nothing."""
        self.watches = None
        for kept in (self.trees, self.watched, self.known, self.unfinished, self.to_scan):
            kept.clear()

    def compare(
        self, tree: Tree, folder: Folder, name: str, look: FileSnapshot, *, closed: bool
    ) -> None:
        """Bring one name up to date, and tell."""
        old, stat = folder.entries.get(name), look.stat
        if stat is None:
            if old is not None:
                self.lost(tree, folder, name)
            return
        old_stat = old.stat if isinstance(old, Folder) else old
        if old_stat is not None and old_stat.is_folder != stat.is_folder:
            self.lost(tree, folder, name)
            old = old_stat = None
        if isinstance(old, Folder) and inode(old) != inode(stat):
            self.lost(tree, folder, name)
            old = old_stat = None
        if stat.is_folder:
            self.put(tree, folder, name, stat, announce=True)
            if old is None:
                self.tell_present(tree, folder, name, stat, Action.CREATE_DIR)
            return
        self._compare_file(tree, folder, name, old_stat, look, closed)

    def _compare_file(
        self,
        tree: Tree,
        folder: Folder,
        name: str,
        old: Stat | None,
        look: FileSnapshot,
        closed: bool,
    ) -> None:
        stat = look.stat
        assert stat is not None
        if old != stat:
            tree.put(folder, name, stat)
        waiting = self.unfinished.get((folder, name))
        if waiting is None and old is not None and old.same_content(stat):
            return
        action = waiting or (Action.CREATE_FILE if old is None else Action.MODIFY_FILE)
        if look.being_written or (look.being_written is None and not closed):
            self.unfinished[folder, name] = action
            return
        self.unfinished.pop((folder, name), None)
        self.tell_present(tree, folder, name, stat, action)

    def lost(self, tree: Tree, folder: Folder, name: str) -> None:
        unheard_of = self.unfinished.get((folder, name)) is Action.CREATE_FILE
        entry = self.drop(tree, folder, name)
        if not unheard_of:
            self.tell_gone(tree.place(folder, name), isinstance(entry, Folder))

    def put(self, tree: Tree, parent: Folder, name: str, stat: Stat, *, announce: bool) -> None:
        """Put in or renew an entry; a new folder will be read."""
        old = parent.entries.get(name)
        if isinstance(old, Folder) != stat.is_folder and old is not None:
            self.drop(tree, parent, name)
            old = None
        entry = tree.put(parent, name, stat)
        if isinstance(entry, Folder) and old is None:
            self.to_scan.append(Scan(tree, entry, announce))

    def drop(self, tree: Tree, folder: Folder, name: str) -> Stat | Folder | None:
        self.unfinished.pop((folder, name), None)
        entry = tree.remove(folder, name)
        if entry is not None:
            self.forget(tree, entry)
        return entry

    def attach(self, old: Tree, new: Tree, parent: Folder, name: str, entry: Stat | Folder) -> None:
        new.attach(parent, name, entry)
        if old is not new and isinstance(entry, Folder):
            for folder in entry.folders():
                self.unwatch(old, folder)
                self.to_scan.append(Scan(new, folder, announce=True))

    def forget(self, tree: Tree, entry: Stat | Folder) -> None:
        if isinstance(entry, Folder):
            for folder in entry.folders():
                self.unwatch(tree, folder)
                for name in folder.entries if self.unfinished else ():
                    self.unfinished.pop((folder, name), None)

    def unwatch(self, tree: Tree, folder: Folder) -> None:
        key = (tree.root, folder.stat.device, folder.stat.inode)
        if self.known.get(key) is folder:
            del self.known[key]
        watch, folder.watch = folder.watch, None
        if watch is None:
            return
        others = [pair for pair in self.watched.get(watch, ()) if pair[1] is not folder]
        if others:
            self.watched[watch] = others
        elif self.watched.pop(watch, None) is not None and self.watches is not None:
            self.watches.remove(watch)

    def path(self, tree: Tree, folder: Folder, name: str | None = None) -> str:
        parts = folder.parts if name is None else (*folder.parts, name)
        return self.roots.get(tree.root).disk_path(parts).rstrip("/")

    def tree_of(self, folder: Folder) -> Tree | None:
        return next((tree for tree in self.trees.values() if tree.holds(folder)), None)

    def parent(self, path: RootPath) -> tuple[Tree | None, Folder | None]:
        tree = self.trees.get(path.root)
        return tree, None if tree is None else tree.folder(path.parts[:-1])

    def tell_present(
        self, tree: Tree, folder: Folder, name: str, stat: Stat, action: Action
    ) -> None:
        place = tree.place(folder, name)
        if all(map(is_utf8, place.parts)) and stat.permissions:
            writable = self.roots.get(tree.root).writable
            self._tell(Change(action, Item.of(place, stat, writable)), False)

    def tell_gone(self, place: RootPath, is_folder: bool) -> None:
        if all(map(is_utf8, place.parts)):
            action = Action.DELETE_DIR if is_folder else Action.DELETE_FILE
            self._tell(Change(action, Item.gone(place)), False)

    def tell_moved(
        self,
        tree: Tree,
        folder: Folder,
        name: str,
        stat: Stat,
        source: RootPath,
        overwrote: bool,
    ) -> None:
        action = Action.MOVE_DIR if stat.is_folder else Action.MOVE_FILE
        place = tree.place(folder, name)
        item = Item.of(place, stat, self.roots.get(tree.root).writable)
        self._tell(Change(action, item, SourceItem(source.path, source.root)), overwrote)


def inode(entry: Stat | Folder) -> tuple[int, int]:
    """What stays the same when something is renamed."""
    stat = entry.stat if isinstance(entry, Folder) else entry
    return stat.device, stat.inode
