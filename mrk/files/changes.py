"""Bundles a burst of changes by other programs into what clients have to know.

Time comes in as an argument. Rules, per path: a file that came and went is not told; one that was
written again after it came is still new; a temporary file renamed over another (how editors
save) is a modification. What happens inside a folder that was deleted is not told. Otherwise
the order of happening is kept, so that a folder is told before what is in it.
"""

import msgspec

from mrk.files.paths import RootPath
from mrk.files.records import Action, Change, Item, SourceItem

BUNDLE_S = 0.25
# A burst that does not pause is told at this beat.
LONGEST_S = 1.0

_CREATED = frozenset({Action.CREATE_FILE, Action.CREATE_DIR})
_WRITTEN = frozenset({Action.CREATE_FILE, Action.MODIFY_FILE})
_DELETED = frozenset({Action.DELETE_FILE, Action.DELETE_DIR})
_MOVED = frozenset({Action.MOVE_FILE, Action.MOVE_DIR})


class Bundle:
    """Changes that wait to be told; filled as they are seen, taken when the burst has ended."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._latest: dict[RootPath, int] = {}  # what last happened at a path
        self._overwriting: set[int] = set()  # moves onto something that clients know
        # From then on paths mean two things; what comes is told as it was.
        self._folder_moved = False
        self._count = 0
        self._began = 0.0
        self._last = 0.0

    def __bool__(self) -> bool:
        return bool(self._changes)

    @property
    def due(self) -> float:
        """When to take what is here."""
        return min(self._last + BUNDLE_S, self._began + LONGEST_S)

    def take(self) -> list[Change]:
        """Everything, in the order to be told."""
        taken = list(self._changes.values())
        self._changes, self._latest = {}, {}
        self._overwriting.clear()
        self._folder_moved = False
        return taken

    def add(self, change: Change, now: float, *, overwrote: bool = False) -> None:
        """Note one change, and drop what it makes untrue.

        `overwrote`: the destination of a move was there before.
        """
        if not self._changes:
            self._began = now
        self._last = now
        if self._folder_moved:
            self._append(change, overwrote)
        elif change.action in _DELETED:
            self._deleted(change)
        elif change.action in _MOVED:
            self._moved(change, overwrote)
        else:
            self._present(change)

    def _append(self, change: Change, overwrote: bool = False) -> None:
        self._count += 1
        self._folder_moved |= change.action is Action.MOVE_DIR
        if overwrote:
            self._overwriting.add(self._count)
        self._changes[self._count] = change
        self._latest[change.place] = self._count

    def _drop(self, place: RootPath) -> None:
        del self._changes[self._latest.pop(place)]

    def _earlier(self, place: RootPath) -> Change | None:
        index = self._latest.get(place)
        return None if index is None else self._changes[index]

    def _present(self, change: Change) -> None:
        """Something was created or written."""
        earlier = self._earlier(change.place)
        if earlier is not None and earlier.action in _WRITTEN and change.action in _WRITTEN:
            # In its old position: what is in a folder never comes before the folder.
            self._changes[self._latest[change.place]] = Change(earlier.action, change.item)
            return
        replaced = earlier is not None and earlier.action is Action.DELETE_FILE
        if replaced and change.action is Action.CREATE_FILE:
            self._drop(change.place)
            change = Change(Action.MODIFY_FILE, change.item)
        self._append(change)

    def _deleted(self, change: Change) -> None:
        place = change.place
        if change.action is Action.DELETE_DIR:
            self._forget_below(place)
        earlier = self._earlier(place)
        if earlier is None or earlier.action in _DELETED:
            self._append(change)
            return
        if earlier.action in _MOVED:
            assert earlier.source is not None
            if earlier.source in self._latest or self._latest[place] in self._overwriting:
                self._append(change)
                return
            self._drop(place)
            self._deleted(Change(change.action, Item.gone(earlier.source)))
            return
        self._drop(place)
        if earlier.action not in _CREATED:  # what was created in the burst is not known
            self._append(change)

    def _forget_below(self, folder: RootPath) -> None:
        for place in list(self._latest):
            if place == folder or not place.is_below(folder):
                continue
            index = self._latest.pop(place)
            source = self._changes[index].source
            if source is None or source.is_below(folder):
                del self._changes[index]
                continue
            # What moved in left its old place, at that time.
            is_folder = self._changes[index].action is Action.MOVE_DIR
            action = Action.DELETE_DIR if is_folder else Action.DELETE_FILE
            self._changes[index] = Change(action, Item.gone(source))
            self._latest.setdefault(source, index)

    def _moved(self, change: Change, overwrote: bool) -> None:
        source = change.source
        assert source is not None
        earlier = self._earlier(source)
        index = self._latest.get(source)
        settled = index != self._count or index in self._overwriting
        if earlier is None or earlier.action in _DELETED or (earlier.action in _MOVED and settled):
            # A move that something else came after, or that replaced a file, is told as it was.
            self._append(change, overwrote)
            return
        if earlier.action is Action.CREATE_DIR and self._has_moves_in(source):
            self._append(change)
            return
        self._drop(source)
        if earlier.action in _CREATED:
            # Renamed before anybody heard of it: new under its last name, or new content there.
            modified = overwrote and earlier.action is Action.CREATE_FILE
            self._present(Change(Action.MODIFY_FILE if modified else earlier.action, change.item))
            self._carry(source, change.place)
        elif earlier.action in _MOVED and earlier.source != change.place:
            assert earlier.source is not None
            origin = SourceItem(earlier.source.path, earlier.source.root)
            self._append(Change(change.action, change.item, origin), overwrote)
        elif earlier.action is Action.MODIFY_FILE:
            self._append(change, overwrote)

    def _has_moves_in(self, folder: RootPath) -> bool:
        moves = (change for change in self._changes.values() if change.source is not None)
        return any(
            move.place.is_below(folder) or (move.source and move.source.is_below(folder))
            for move in moves
        )

    def _carry(self, old: RootPath, new: RootPath) -> None:
        """What is in a folder that was renamed before anybody heard of it."""
        for place in list(self._latest):
            told = self._earlier(place)
            if told is None or place == old or not place.is_below(old) or told.source is not None:
                continue
            moved = RootPath(new.root, (*new.parts, *place.parts[len(old.parts) :]))
            item = msgspec.structs.replace(told.item, path=moved.path, root=moved.root)
            index = self._latest.pop(place)
            del self._changes[index]
            self._append(Change(told.action, item))
