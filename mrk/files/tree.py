"""Files and folders of one root as last seen on disk, in memory.

Filled and kept true by `nurseries/files/watch/live_trees.py` from the event loop only; what is here
does no I/O. Names are as on disk: bytes that are no text stand as lone surrogates.
"""

from collections.abc import Iterator

from mrk.files.paths import RootPath, is_utf8
from mrk.files.records import Stat


class Folder:
    """One folder. `watch` is its watch descriptor, None while it has none.

    `opaque`: its contents are not kept here, because it is closed to clients, cannot be read,
    or is a link to a folder that is kept elsewhere. `polled`: nobody tells of changes in it.
    """

    __slots__ = ("entries", "name", "opaque", "parent", "polled", "stat", "watch")

    def __init__(self, name: str, stat: Stat, parent: "Folder | None" = None) -> None:
        self.name = name
        self.stat = stat
        self.parent = parent
        self.entries: dict[str, Stat | Folder] = {}
        self.opaque = False
        self.polled = False
        self.watch: int | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Names from the root down to here."""
        names = []
        folder = self
        while folder.parent is not None:
            names.append(folder.name)
            folder = folder.parent
        return tuple(reversed(names))

    def folders(self) -> Iterator["Folder"]:
        """This folder and all below it, parents first."""
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            yield folder
            waiting.extend(e for e in folder.entries.values() if isinstance(e, Folder))


class Tree:
    """A root's folders. `version` grows with every change."""

    def __init__(self, root: str, stat: Stat) -> None:
        self.root = root
        self.top = Folder("", stat)
        self.version = 0

    def find(self, parts: tuple[str, ...]) -> "Stat | Folder | None":
        """What is at a path; None also for anything inside an opaque folder."""
        found: Stat | Folder | None = self.top
        for part in parts:
            if not isinstance(found, Folder):
                return None
            found = found.entries.get(part)
        return found

    def folder(self, parts: tuple[str, ...]) -> Folder | None:
        """The folder at a path if its contents are kept here."""
        found = self.find(parts)
        return found if isinstance(found, Folder) and not found.opaque else None

    def holds(self, folder: Folder) -> bool:
        """Whether a folder is still part of this tree."""
        while folder.parent is not None:
            if folder.parent.entries.get(folder.name) is not folder:
                return False
            folder = folder.parent
        return folder is self.top

    def put(self, parent: Folder, name: str, stat: Stat) -> "Stat | Folder":
        """Add or renew an entry; a folder that stays one keeps its contents."""
        self.version += 1
        old = parent.entries.get(name)
        if not stat.is_folder:
            parent.entries[name] = stat
            return stat
        if isinstance(old, Folder):
            old.stat = stat
            return old
        folder = Folder(name, stat, parent)
        parent.entries[name] = folder
        return folder

    def remove(self, parent: Folder, name: str) -> "Stat | Folder | None":
        """Take an entry out; a folder comes with all that is in it."""
        self.version += 1
        removed = parent.entries.pop(name, None)
        if isinstance(removed, Folder):
            removed.parent = None
        return removed

    def attach(self, parent: Folder, name: str, entry: "Stat | Folder") -> None:
        """Put in what `remove` gave, here or in another tree."""
        self.version += 1
        if isinstance(entry, Folder):
            entry.name, entry.parent = name, parent
        parent.entries[name] = entry

    def place(self, folder: Folder, name: str | None = None) -> RootPath:
        """Where a folder, or a name in it, is."""
        path = RootPath(self.root, folder.parts)
        return path if name is None else path.child(name)


def files_below(top: Folder, prefix: str = "") -> Iterator[tuple[str, Stat]]:
    """Path and stat of every file that clients can name, in no order.

    Each folder's names are copied when its turn comes, so the tree may change between two steps.
    """
    waiting = [(prefix, top)]
    while waiting:
        path, folder = waiting.pop()
        for name in list(folder.entries):
            entry = folder.entries.get(name)
            if entry is None or not is_utf8(name):
                continue
            if isinstance(entry, Folder):
                waiting.append((f"{path}{name}/", entry))
            else:
                yield path + name, entry
