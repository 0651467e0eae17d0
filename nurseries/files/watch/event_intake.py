"""Takes in what inotify tells: where to look, and what was moved whither.

Run by `LiveTrees` under its lock. Events wait in a backlog until they are worked off, and working
one off twice does nothing; so whoever waits for it may be cancelled.
"""

import logging
from collections import deque

import trio
from inotify_simple import flags

from mrk.files.paths import is_utf8
from mrk.files.records import Action, Stat
from mrk.files.reserved import ReservedPaths
from mrk.files.tree import Folder, Tree
from nurseries.files.disk import FileSnapshot, look_closely
from nurseries.files.threads import Threads
from nurseries.files.watch.departures import Departed, Departures
from nurseries.files.watch.folder_scans import FolderScans
from nurseries.files.watch.inotify import Event
from nurseries.files.watch.kept_trees import KeptTrees, Scan, inode

logger = logging.getLogger(__name__)

_EVENTS_AT_ONCE = 300
_GONE = flags.IGNORED | flags.DELETE_SELF | flags.UNMOUNT | flags.MOVE_SELF
Name = tuple[Tree, Folder, str]


class EventIntake:
    """Brings the trees up to date."""

    def __init__(self, kept: KeptTrees, scans: FolderScans, threads: Threads) -> None:
        self._kept = kept
        self._scans = scans
        self._threads = threads
        self._backlog: deque[Event] = deque()
        self._departures = Departures()

    def clear(self) -> None:
        """Forget what has not been worked off."""
        self._backlog.clear()
        self._departures = Departures()

    async def catch_up(self) -> None:
        """Take in all events there are; the caller holds `lock`."""
        await self._scans.scan_waiting()
        while self._kept.watches is not None:
            if not self._backlog:
                self._backlog.extend(self._kept.watches.read())
            if not self._backlog:
                return
            batch = self._next_batch()
            await self._take(batch)
            for _ in batch:
                self._backlog.popleft()
            await self._scans.scan_waiting()

    def _next_batch(self) -> list[Event]:
        """Events up to the move of a folder: paths change with it."""
        batch = []
        for event in self._backlog:
            batch.append(event)
            moved = event.mask & flags.MOVED_TO and event.mask & flags.ISDIR
            if moved or event.mask & flags.Q_OVERFLOW or len(batch) >= _EVENTS_AT_ONCE:
                break
        return batch

    async def _rescan(self) -> None:
        """Compare all trees with the disk; the caller holds `lock`."""
        for tree in list(self._kept.trees.values()):
            for folder in list(tree.top.folders()):
                self._kept.to_scan.append(Scan(tree, folder, announce=True))
        await self._scans.scan_waiting()

    async def _take(self, batch: list[Event]) -> None:
        if any(event.mask & flags.Q_OVERFLOW for event in batch):
            logger.warning("too many file events at once; all folders are read again")
            await self._rescan()
            return
        closed: dict[Name, bool] = {}
        moves: list[tuple[int, Name, bool]] = []
        gone: list[tuple[Tree, Folder, Event]] = []
        for event in batch:
            for tree, folder in self._kept.watched.get(event.wd, ()):
                if event.mask & _GONE:
                    gone.append((tree, folder, event))
                if folder.parent is not None:
                    closed.setdefault((tree, folder.parent, folder.name), False)
                if not event.name:
                    continue  # about the folder itself, its times or modes
                name = (tree, folder, event.name)
                # Complete: closed by its writer, or put there whole.
                done = bool(event.mask & (flags.CLOSE_WRITE | flags.MOVED_TO))
                closed[name] = closed.get(name, False) or done
                if event.mask & (flags.MOVED_FROM | flags.MOVED_TO):
                    moves.append((event.cookie, name, bool(event.mask & flags.MOVED_FROM)))
        looks = await self._look(list(closed))
        # Nothing waits from here on: a batch is taken in whole, or again.
        for tree, folder, event in gone:
            self._self_gone(tree, folder, event)
        self._take_moves(moves, looks)
        self._tell_replaced(looks)
        for name, look in looks.items():
            if name[0].holds(name[1]):
                self._kept.compare(*name, look, closed=closed[name])

    def _self_gone(self, tree: Tree, folder: Folder, event: Event) -> None:
        """The watched folder itself went, or where it was mounted."""
        if tree.top is folder and event.mask & (flags.IGNORED | flags.MOVE_SELF):
            self._close_root(tree)
        if event.mask & flags.IGNORED:
            self._kept.watched.pop(event.wd, None)
            folder.watch = None
            # If it is still there, it is a new one that got the old one's inode.
            self._kept.to_scan.append(Scan(tree, folder, announce=True))

    def _close_root(self, tree: Tree) -> None:
        """The root went away: it is read from disk when asked for, until it is back."""
        logger.warning("the folder of root %s is gone", tree.root)
        self._kept.trees.pop(tree.root, None)
        self._kept.forget(tree, tree.top)

    async def _look(self, names: list[Name]) -> dict[Name, FileSnapshot]:
        asked: list[tuple[Name, str, Stat | None]] = []
        for tree, folder, name in names:
            known = folder.entries.get(name)
            known_stat = known.stat if isinstance(known, Folder) else known
            if (folder, name) in self._kept.unfinished:
                known_stat = None  # then ask for its writer again
            asked.append(((tree, folder, name), self._kept.path(tree, folder, name), known_stat))
        return await self._threads.run(_look_all, asked, self._kept.roots.reserved)

    async def _look_again(self, names: list[Name], settle: bool) -> None:
        for (tree, folder, name), look in (await self._look(names)).items():
            known = folder.entries.get(name)
            quiet = settle and look.stat is not None and known == look.stat
            closed = look.being_written is False or (look.being_written is None and quiet)
            if tree.holds(folder):
                self._kept.compare(tree, folder, name, look, closed=closed)

    def _tell_replaced(self, looks: dict[Name, FileSnapshot]) -> None:
        """What left a place is told as gone before something else is told to be there."""
        if not self._departures:
            return
        for (tree, folder, name), look in looks.items():
            if look.stat is not None and tree.holds(folder):
                self._tell_all_gone(self._departures.left(tree.place(folder, name)))

    def _take_moves(
        self, moves: list[tuple[int, Name, bool]], looks: dict[Name, FileSnapshot]
    ) -> None:
        """Carry entries along with their names, in the order in which they were moved."""
        for cookie, (tree, folder, name), leaves in moves:
            if not tree.holds(folder):
                continue
            if leaves:
                entry = folder.entries.get(name)
                now_there = looks[tree, folder, name].stat
                if entry is None or (now_there is not None and inode(entry) == inode(now_there)):
                    continue
                tree.remove(folder, name)
                place = tree.place(folder, name)
                was_new = self._kept.unfinished.pop((folder, name), None)
                self._departures.add(cookie, tree, place, entry, was_new, trio.current_time())
            else:
                self._arrive(cookie, tree, folder, name, looks)

    def _arrive(
        self, cookie: int, tree: Tree, folder: Folder, name: str, looks: dict[Name, FileSnapshot]
    ) -> None:
        there = looks[tree, folder, name].stat
        departed = self._departures.take(cookie)
        if departed is None:
            return
        entry = departed.entry
        replaced = folder.entries.get(name)
        if (there is not None and inode(there) != inode(entry)) or not is_utf8(name):
            # Something else has that name by now; this one's way ended unseen.
            self._kept.forget(departed.tree, entry)
            self._kept.tell_gone(departed.place, isinstance(entry, Folder))
            return
        if isinstance(replaced, Folder) or (replaced is not None and isinstance(entry, Folder)):
            # A rename cannot replace these: they were removed before.
            self._kept.lost(tree, folder, name)
            replaced = None
        overwrote = replaced is not None
        if overwrote:
            self._kept.drop(tree, folder, name)
        self._kept.attach(departed.tree, tree, folder, name, entry)
        stat = entry.stat if isinstance(entry, Folder) else entry
        if isinstance(entry, Folder):
            # What was looked at under its old path is looked at again.
            for below in list(entry.folders()):
                self._kept.to_scan.append(Scan(tree, below, announce=True))
        if departed.unfinished is not None and departed.unfinished is not Action.MODIFY_FILE:
            action = Action.MODIFY_FILE if overwrote else Action.CREATE_FILE
            self._kept.tell_present(tree, folder, name, stat, action)
            return
        self._kept.tell_moved(tree, folder, name, stat, departed.place, overwrote)

    async def check_unfinished(self, *, settle: bool) -> None:
        """Look again at files that were being written: not every end of it makes an event.

        With `settle` a file whose writers are not known counts as complete when it has not
        changed since the last look.
        """
        if not self._kept.unfinished:
            return
        names: list[Name] = []
        for folder, name in list(self._kept.unfinished):
            tree = self._kept.tree_of(folder)
            if tree is None:
                del self._kept.unfinished[folder, name]
            else:
                names.append((tree, folder, name))
        for at in range(0, len(names), _EVENTS_AT_ONCE):
            await self._look_again(names[at : at + _EVENTS_AT_ONCE], settle)

    def tell_departed(self, now: float) -> None:
        """Tell of what was moved out of the roots: its other half never came."""
        self._tell_all_gone(self._departures.expired(now))

    def _tell_all_gone(self, departed: list[Departed]) -> None:
        for one in departed:
            self._kept.forget(one.tree, one.entry)
            if one.unfinished is not Action.CREATE_FILE:  # nobody had heard of it
                self._kept.tell_gone(one.place, isinstance(one.entry, Folder))


def _look_all(
    asked: list[tuple[Name, str, Stat | None]], reserved: ReservedPaths
) -> dict[Name, FileSnapshot]:
    """In a thread: what stands at many paths."""
    return {name: look_closely(path, known, reserved) for name, path, known in asked}
