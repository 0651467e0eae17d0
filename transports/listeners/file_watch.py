"""Tells when a file may have been removed, moved or replaced: inotify on the file itself.

So what happens beside it in its folder wakes nobody. Where it cannot be watched, nothing is told.
"""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from inotify_simple import INotify

# A few events are all there can be; what is left is read with the next ones.
_EVENTS_BYTES = 4096


class FileWatch:
    """Of one file at a time."""

    def __init__(self) -> None:
        self._inotify: INotify | None = None

    def begin(self, path: Path) -> None:
        """Watch the file that is there now, and no other; blocks."""
        from inotify_simple import INotify, flags  # the file manager loads it, too

        self.close()
        with contextlib.suppress(OSError), contextlib.ExitStack() as undo:
            inotify = undo.enter_context(INotify(nonblocking=True))
            # A file that somebody has open loses a link when it is removed: an attribute of it.
            inotify.add_watch(path, flags.ATTRIB | flags.MOVE_SELF | flags.DELETE_SELF)
            self._inotify = inotify
            undo.pop_all()

    async def changed(self) -> None:
        """Return when something may have happened to it."""
        if self._inotify is None:
            await trio.sleep_forever()
            return
        await trio.lowlevel.wait_readable(self._inotify.fileno())
        with contextlib.suppress(BlockingIOError):
            os.read(self._inotify.fileno(), _EVENTS_BYTES)

    def close(self) -> None:
        """Watch it no more; nobody waits then."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
