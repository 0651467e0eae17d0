"""G-code files whose metadata is wanted before clients are told of them, one after the other.

Fed by the announcer; runs within its `serve`. One task, however many files come: 100,000 waiting
files are 100,000 dict entries.
"""

from collections.abc import Callable

import trio

from mrk.files.file_protocols import FileMetadata
from mrk.files.records import Change

Waiting = dict[str, Change | None]


class ScanQueue:
    """Paths relative to the gcodes root; `tell` hears of a change once its file is scanned."""

    def __init__(self, metadata: FileMetadata, tell: Callable[[Change], None]) -> None:
        self._metadata = metadata
        self._tell = tell
        self._waiting: Waiting = {}
        self._current: str | None = None
        self._current_change: Change | None = None
        self._wake = trio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + (self._current is not None)

    def add(self, path: str, change: Change | None) -> None:
        """Scan a file, then tell `change`; one that waits already stays new if it was."""
        earlier = self._waiting.pop(path, None)
        if path == self._current:
            # It was written again while it is scanned: what was found is not true any more.
            earlier, self._current_change = self._current_change, None
        if earlier is not None and change is not None:
            change = Change(earlier.action, change.item)
        self._waiting[path] = change or earlier
        self._wake.set()

    def drop(self, path: str) -> None:
        """A file or folder is gone: nothing is told of what waited in it."""
        for waiting in self._at_or_below(path):
            del self._waiting[waiting]
        if self._current is not None and _is_below(self._current, path):
            self._current_change = None

    def tell_waiting(self, path: str) -> list[str]:
        """A file or folder moves: tell now of what waited in it, and return those paths."""
        paths = self._at_or_below(path)
        for waiting in paths:
            self._tell_one(self._waiting.pop(waiting))
        if self._current is not None and _is_below(self._current, path):
            paths.append(self._current)
            change, self._current_change = self._current_change, None
            self._tell_one(change)
        return paths

    def _at_or_below(self, path: str) -> list[str]:
        return [waiting for waiting in self._waiting if _is_below(waiting, path)]

    def _tell_one(self, change: Change | None) -> None:
        if change is not None:
            self._tell(change)

    async def serve(self) -> None:
        """Scan until cancelled."""
        while True:
            while self._waiting:
                self._current = next(iter(self._waiting))
                self._current_change = self._waiting.pop(self._current)
                await self._metadata.request_scan(self._current)
                self._current = None
                self._tell_one(self._current_change)
                self._current_change = None
                await trio.lowlevel.checkpoint()
            self._wake = trio.Event()
            await self._wake.wait()


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
