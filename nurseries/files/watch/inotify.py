"""inotify: one descriptor, one watch a folder, events in small portions.

Owned by `nurseries/files/watch/live_trees.py` while it serves; closed with the block that opened
it.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import inotify_simple
import trio
from inotify_simple import flags


class Event(NamedTuple):
    """One event of a watched folder (inotify(7)); `cookie` joins the halves of a move."""

    wd: int
    mask: int
    cookie: int
    name: str


# CLOSE_WRITE says that a file is complete, MODIFY would come for every block of it.
_MASK = (
    flags.CREATE
    | flags.DELETE
    | flags.CLOSE_WRITE
    | flags.ATTRIB
    | flags.MOVED_FROM
    | flags.MOVED_TO
    | flags.DELETE_SELF
    | flags.MOVE_SELF
    | flags.ONLYDIR
)
# Some 300 events: less than a millisecond of parsing.
_PORTION_BYTES = 16 * 1024


class NoWatches(OSError):
    """The limit of watches of this user is reached (fs.inotify.max_user_watches)."""


class InotifyWatches:
    """Folders that are watched, by descriptor."""

    def __init__(self, inotify: inotify_simple.INotify) -> None:
        self._inotify = inotify

    @classmethod
    @contextmanager
    def open(cls) -> "Iterator[InotifyWatches]":
        """Raises OSError (EMFILE) when this user has no inotify instance left."""
        with inotify_simple.INotify(nonblocking=True) as inotify:
            yield cls(inotify)

    def add(self, path: str) -> int:
        """Watch a folder, called in a thread; one that is watched already keeps its descriptor.

        Raises `NoWatches` at the limit, other OSErrors for what is no folder to be read.
        """
        try:
            return int(self._inotify.add_watch(path, _MASK))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.ENOMEM):
                raise NoWatches(error.errno, error.strerror) from error
            raise

    def remove(self, watch: int) -> None:
        """Stop watching; a folder that is gone has no watch any more."""
        try:
            self._inotify.rm_watch(watch)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def read(self) -> list[Event]:
        """The next events, empty when there are none now."""
        try:
            data = os.read(self._inotify.fileno(), _PORTION_BYTES)
        except BlockingIOError:
            return []
        return [Event(*event) for event in inotify_simple.parse_events(data)]

    async def wait(self) -> None:
        """Return when there are events."""
        await trio.lowlevel.wait_readable(self._inotify.fileno())
