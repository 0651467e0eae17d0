"""Tells clients of changed files, in order, and has new g-code files scanned first.

What others changed is bundled (`mrk/files/changes.py`); what a request changed follows its answer.
Run by the file manager's `serve`; what waits when that ends is dropped, clients are gone then.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import trio

from mrk.clients.registry import AFTER_ANSWER_S, Clients
from mrk.files.changes import Bundle
from mrk.files.file_protocols import FileMetadata
from mrk.files.paths import RootPath, has_metadata
from mrk.files.records import Action, Change, Item, SourceItem, Stat
from nurseries.files.scan.queue import ScanQueue

GCODES = "gcodes"
# An upload's answer is sent by the transport, which says when; if it cannot, this is the limit.
HELD_S = 1.0
_PER_TURN = 50
# More than this at once would only make clients read everything again, after megabytes.
FLOOD = 5000
# A file system may keep its times no better.
_SAME_TIME_S = 2.0
FilesAt = Callable[[str], Awaitable[list[tuple[str, Stat]]]]


class Held:
    """A change that is told once the answer of its request has been sent."""

    def __init__(self, change: Change, deadline: float, release: Callable[["Held"], None]) -> None:
        self.change = change
        self.deadline = deadline
        self._release = release

    def announce(self) -> None:
        """The answer has been sent."""
        self._release(self)


class FileAnnouncer:
    """`notify_filelist_changed` for all clients.

    `files_at` tells which files there are at or below a path of the gcodes root.
    """

    def __init__(self, clients: Clients, metadata: FileMetadata, files_at: FilesAt) -> None:
        self._clients = clients
        self._metadata = metadata
        self._files_at = files_at
        self._bundle = Bundle()
        self._outgoing: deque[tuple[float, Change, bool]] = deque()
        self._held: list[Held] = []
        # What happens in folders that requests brought, until these are told.
        self._arriving: dict[RootPath, list[Change]] = {}
        self._behind: list[Change] = []
        self._wake = trio.Event()
        self.scans = ScanQueue(metadata, self._broadcast)

    # What happened

    def other(self, change: Change, overwrote: bool = False) -> None:
        """Another program changed something."""
        self._bundle.add(change, trio.current_time(), overwrote=overwrote)
        self._wake.set()

    def own(self, change: Change) -> None:
        """A request changed something, its metadata is in order; told behind its answer."""
        self._release_all()
        due = trio.current_time() + AFTER_ANSWER_S
        brought = change.action in (Action.CREATE_DIR, Action.MOVE_DIR)
        if brought:
            with self.arriving(change.place):
                self._take_bundle()
        else:
            self._take_bundle()
        self._outgoing.append((due, change, True))
        self._tell_behind(due)
        self._wake.set()

    @contextmanager
    def arriving(self, folder: RootPath) -> Iterator[None]:
        """What happens in there meanwhile is told behind the folder itself, which `own` tells."""
        inside = self._arriving.setdefault(folder, [])
        try:
            yield
        finally:
            self._arriving.pop(folder, None)
            self._behind += inside
            self._wake.set()

    def _tell_behind(self, due: float) -> None:
        behind, self._behind = self._behind, []
        self._outgoing.extend((due, change, False) for change in behind)

    def hold(self, change: Change) -> Held:
        """The same, for an answer that is not sent when the caller returns."""
        held = Held(change, trio.current_time() + HELD_S, self._release)
        self._held.append(held)
        self._wake.set()
        return held

    def root_update(self, root: str, permissions: str) -> None:
        """A root is new, or all of it may have changed."""
        item = Item(".", root, 0, 0, permissions)
        self._outgoing.append((trio.current_time(), Change(Action.ROOT_UPDATE, item), True))
        self._wake.set()

    def _release(self, held: Held) -> None:
        if held in self._held:
            self._held.remove(held)
            self.own(held.change)

    def _release_all(self) -> None:
        held, self._held = self._held, []
        for one in held:
            self._outgoing.append((trio.current_time(), one.change, True))

    def _take_bundle(self) -> None:
        now = trio.current_time()
        changes = self._bundle.take()
        if len(changes) > FLOOD:
            for root in {change.item.root for change in changes}:
                self.root_update(root, "rw")
            changes = [change for change in changes if _wants_scan(change)]
            for change in changes:
                self.scans.add(change.item.path, None)
            return
        for change in changes:
            inside = self._arriving_around(change.place)
            if inside is not None and len(inside) < FLOOD:
                inside.append(change)
            else:
                self._outgoing.append((now, change, False))

    def _arriving_around(self, place: RootPath) -> list[Change] | None:
        found = (inside for folder, inside in self._arriving.items() if place.is_below(folder))
        return next(found, None)

    # Telling

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.scans.serve, name="g-code files to be scanned")
            task_status.started()
            while True:
                await self._tell_due()
                with trio.move_on_at(self._next_due()):
                    await self._wake.wait()
                self._wake = trio.Event()

    def _next_due(self) -> float:
        due = [held.deadline for held in self._held]
        if self._bundle:
            due.append(self._bundle.due)
        if self._outgoing:
            due.append(self._outgoing[0][0])
        return min(due, default=float("inf"))

    async def _tell_due(self) -> None:
        now = trio.current_time()
        self._tell_behind(now)
        for held in list(self._held):
            if held.deadline <= now:
                self._release(held)
        if self._bundle and self._bundle.due <= now:
            self._take_bundle()
        count = 0
        while self._outgoing and self._outgoing[0][0] <= trio.current_time():
            _due, change, own = self._outgoing.popleft()
            count += 1
            if count % _PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if own:
                self._broadcast(change)
            else:
                await self._tell_other(change)

    async def _tell_other(self, change: Change) -> None:
        """Metadata follows its file first."""
        action, item = change.action, change.item
        in_gcodes = item.root == GCODES
        if action in (Action.MOVE_FILE, Action.MOVE_DIR):
            await self._tell_moved(change)
        elif _wants_scan(change):
            self.scans.add(item.path, change)
        else:
            if in_gcodes and action in (Action.DELETE_FILE, Action.DELETE_DIR):
                self.scans.drop(item.path)
                if action is Action.DELETE_DIR or has_metadata(item.path):
                    await self._metadata.remove(item.path)
                    await self.scan_overtaken(item.path)
            self._broadcast(change)

    async def _tell_moved(self, change: Change) -> None:
        source, dest = change.source_item, change.item
        assert source is not None
        waiting = self.scans.tell_waiting(source.path) if source.root == GCODES else []
        await carry_metadata(self._metadata, source, dest, change.action)
        self._broadcast(change)
        if dest.root == GCODES:
            for path in waiting:
                self.scans.add(dest.path + path[len(source.path) :], None)
            if source.root != GCODES and has_metadata(dest.path):
                self.scans.add(dest.path, None)
            await self.scan_overtaken(dest.path)

    async def scan_overtaken(self, path: str) -> None:
        """Have those files at or below a path scanned that have no metadata of theirs.

        Called when metadata was carried or forgotten, which ends some time after the file's own
        move: meanwhile another request may have moved the file on, or made it anew, and a scan
        may have looked for it where it was.
        """
        for count, (name, stat) in enumerate(await self._files_at(path), 1):
            if count % _PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if not has_metadata(name):
                continue
            # What each record of a folder says would take too long to read.
            known = self._metadata.has(name)
            if not known or (name == path and not _is_of(self._metadata.get(name), stat)):
                self.scans.add(name, None)

    def _broadcast(self, change: Change) -> None:
        self._clients.broadcast("notify_filelist_changed", change.params())


def _wants_scan(change: Change) -> bool:
    written = change.action in (Action.CREATE_FILE, Action.MODIFY_FILE)
    return written and change.item.root == GCODES and has_metadata(change.item.path)


def _is_of(known: Mapping[str, Any] | None, stat: Stat) -> bool:
    known = known or {}
    if known.get("size") != stat.size:
        return False
    modified: float = known.get("modified", 0.0)
    return abs(modified - stat.modified) < _SAME_TIME_S


async def carry_metadata(
    metadata: FileMetadata, source: SourceItem, dest: Item, action: Action
) -> None:
    """Within gcodes metadata goes along; outside of it there is none."""
    if source.root != GCODES or not (action is Action.MOVE_DIR or has_metadata(source.path)):
        return
    if dest.root == GCODES and (action is Action.MOVE_DIR or has_metadata(dest.path)):
        await metadata.move(source.path, dest.path)
    else:
        await metadata.remove(source.path)
