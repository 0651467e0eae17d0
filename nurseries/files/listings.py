"""Answers of server.files.list and get_directory, from memory where the root is watched.

Large ones are put together in portions, so that a folder of 100,000 files does not hold the
loop; they come encoded, because encoding such an answer at once would.
"""

import heapq
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import trio

from mrk.errors import ClientError
from mrk.files.paths import RootPath, is_gcode, is_utf8
from mrk.files.ports import MetadataSource
from mrk.files.records import DiskUsage, FileEntry, FolderEntry, PathInfo, Stat
from mrk.files.roots import Root, Roots
from mrk.files.tree import Folder, files_below
from nurseries.files import disk, places
from nurseries.files.folder_walk import walk_files
from nurseries.files.live_trees import LiveTrees
from nurseries.files.threads import Threads

PORTION = 500
GCODES = "gcodes"
Entries = dict[str, Stat]


class Listings:
    """Reads folders for clients."""

    def __init__(
        self, roots: Roots, trees: LiveTrees, threads: Threads, metadata: MetadataSource
    ) -> None:
        self._roots = roots
        self._trees = trees
        self._threads = threads
        self._metadata = metadata
        self._encoder = msgspec.json.Encoder()
        self._lists: dict[str, tuple[object, int, msgspec.Raw]] = {}

    async def list_files(self, root: Root) -> msgspec.Raw:
        """Every file of a root, sorted; only g-code in the gcodes root."""
        tree = await self._trees.current(root.name)
        if tree is None:
            return await self._encode_list(root, await self._walk(root))
        cached = self._lists.get(root.name)
        if cached is not None and cached[0] is tree and cached[1] == tree.version:
            return cached[2]
        version = tree.version
        answer = await self._encode_list(root, files_below(tree.top))
        self._lists[root.name] = (tree, version, answer)
        return answer

    async def _walk(self, root: Root) -> Iterable[tuple[str, Stat]]:
        """The files of a root that is not kept in memory."""
        stat = await self._threads.run(os.path.isdir, root.real)
        if not stat:
            raise ClientError(f"The folder of root {root.name} is missing")
        return await self._threads.run(walk_files, root.real, self._roots.reserved)

    async def _encode_list(self, root: Root, files: Iterable[tuple[str, Stat]]) -> msgspec.Raw:
        wanted = (
            PathInfo(path, stat.modified, stat.size, stat.allowed(root.writable).value)
            for path, stat in files
            if root.name != GCODES or is_gcode(path)
        )
        portions = []
        for portion in _portions(wanted):
            portions.append(sorted(portion, key=_lower))
            await trio.lowlevel.checkpoint()
        ordered = portions[0] if len(portions) == 1 else heapq.merge(*portions, key=_lower)
        return await self._encode(ordered)

    async def folder(self, root: Root, path: RootPath, extended: bool) -> dict[str, Any]:
        """One folder, without what is below it; raises 400 when it is none."""
        entries = await self._entries(root, path)
        usage = await self._threads.run(_disk_usage, root.real)
        folders = (
            FolderEntry(stat.modified, stat.size, stat.allowed(root.writable).value, name)
            for name, stat in entries.items()
            if stat.is_folder
        )
        files = (
            self._file_entry(root, path, name, stat, extended)
            for name, stat in entries.items()
            if not stat.is_folder
        )
        return {
            "dirs": await self._encode(folders),
            "files": await self._encode(files),
            "disk_usage": usage,
            "root_info": {"name": root.name, "permissions": root.permissions},
        }

    def _file_entry(
        self, root: Root, path: RootPath, name: str, stat: Stat, extended: bool
    ) -> FileEntry | dict[str, Any]:
        permissions = stat.allowed(root.writable).value
        known: Mapping[str, Any] | None = None
        if extended and root.name == GCODES and is_gcode(name):
            known = self._metadata.get(path.child(name).path)
        if known is None:
            return FileEntry(stat.modified, stat.size, permissions, name)
        entry = {"modified": stat.modified, "size": stat.size, **known}
        entry["permissions"], entry["filename"] = permissions, name
        return entry

    async def _entries(self, root: Root, path: RootPath) -> Entries:
        """What clients can name in a folder."""
        tree = await self._trees.current(root.name)
        folder = None if tree is None else tree.folder(path.parts)
        if folder is None:
            found: Iterable[tuple[str, Stat]] = await self._threads.run(
                _read_place, self._roots, path
            )
        else:
            found = (
                (name, entry.stat if isinstance(entry, Folder) else entry)
                for name, entry in folder.entries.items()
            )
        return {name: stat for name, stat in found if is_utf8(name)}

    async def _encode(self, rows: Iterable[object]) -> msgspec.Raw:
        """A JSON array, made in portions."""
        pieces = []
        for portion in _portions(rows):
            pieces.append(self._encoder.encode(portion)[1:-1])
            await trio.lowlevel.checkpoint()
        return msgspec.Raw(b"[" + b",".join(piece for piece in pieces if piece) + b"]")


def _portions(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of at most `PORTION` rows, at least one list."""
    remaining = iter(rows)
    portion = list(itertools.islice(remaining, PORTION))
    yield portion
    while portion := list(itertools.islice(remaining, PORTION)):
        yield portion


def _lower(info: PathInfo) -> str:
    return info.path.lower()


def _disk_usage(path: str) -> DiskUsage:
    try:
        found = os.statvfs(path)
    except OSError:
        return DiskUsage(0, 0, 0)
    total = found.f_blocks * found.f_frsize
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    return DiskUsage(total, used, found.f_bavail * found.f_frsize)


def _read_place(roots: Roots, path: RootPath) -> list[tuple[str, Stat]]:
    place = places.find(roots, path, write=False)
    try:
        return list(disk.read_folder(str(place.real), roots.reserved))
    except OSError:
        raise ClientError(f"There is no folder {path}") from None
