"""Names that left a folder: where they go to is told a moment later, or never.

Owned by `nurseries/files/watch/live_trees.py`; inotify gives both halves of a move the same cookie.
"""

import msgspec

from mrk.files.paths import RootPath
from mrk.files.records import Action, Stat
from mrk.files.tree import Folder, Tree

# Both halves are queued one after the other; the other one may come with the next read.
WAIT_S = 1.0


class Departed(msgspec.Struct, frozen=True):
    """An entry without a place. `unfinished`: what was to be told of it when it is complete."""

    tree: Tree
    place: RootPath
    entry: Stat | Folder
    unfinished: Action | None
    deadline: float


class Departures:
    """What waits for its arrival, by cookie."""

    def __init__(self) -> None:
        self._waiting: dict[int, Departed] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(
        self,
        cookie: int,
        tree: Tree,
        place: RootPath,
        entry: Stat | Folder,
        unfinished: Action | None,
        now: float,
    ) -> None:
        """Something left its place."""
        departed = Departed(tree, place, entry, unfinished, now + WAIT_S)
        self._waiting[cookie] = departed

    def take(self, cookie: int) -> Departed | None:
        """What arrives now."""
        return self._waiting.pop(cookie, None)

    def left(self, place: RootPath) -> list[Departed]:
        """What left a place and has not arrived; it is not waited for any longer."""
        return self._pop([key for key, one in self._waiting.items() if one.place == place])

    def expired(self, now: float) -> list[Departed]:
        """What has left the roots."""
        return self._pop([key for key, one in self._waiting.items() if one.deadline <= now])

    def _pop(self, cookies: list[int]) -> list[Departed]:
        return [self._waiting.pop(cookie) for cookie in cookies]
