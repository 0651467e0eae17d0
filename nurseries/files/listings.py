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

from mrk.api.large_result import LargeResult
from mrk.errors import ClientError
from mrk.files.file_protocols import MetadataSource
from mrk.files.paths import RootPath, has_metadata, is_gcode, is_utf8, missing
from mrk.files.records import DiskUsage, FileEntry, FolderEntry, PathInfo, Stat
from mrk.files.roots import Root, Roots
from mrk.files.tree import Folder, files_below
from nurseries.files import disk, disk_paths
from nurseries.files.threads import RootThreads
from nurseries.files.watch.folder_walk import walk_files
from nurseries.files.watch.mounted_trees import MountedTrees

PORTION = 500
GCODES = "gcodes"
_encode = msgspec.json.Encoder().encode
Entries = Mapping[str, Stat | Folder]


class Listings:
    """Reads folders for clients."""

    def __init__(
        self, roots: Roots, trees: MountedTrees, threads: RootThreads, metadata: MetadataSource
    ) -> None:
        self._roots = roots
        self._trees = trees
        self._threads = threads
        self._metadata = metadata
        self._lists: dict[str, tuple[object, int, list[bytes]]] = {}

    async def list_files(self, root: Root) -> LargeResult:
        """Every file of a root, sorted; only g-code in the gcodes root."""
        tree = await self._trees.current(root.name)
        if tree is None:
            return LargeResult(await self._encode_list(root, await self._walk(root)))
        cached = self._lists.get(root.name)
        if cached is not None and cached[0] is tree and cached[1] == tree.version:
            return LargeResult(cached[2])
        version = tree.version
        answer = await self._encode_list(root, files_below(tree.top))
        self._lists[root.name] = (tree, version, answer)
        return LargeResult(answer)

    async def _walk(self, root: Root) -> Iterable[tuple[str, Stat]]:
        """The files of a root that is not kept in memory."""
        threads = self._threads.of(root.name)
        if not await threads.run(os.path.isdir, root.real):
            raise ClientError(f"The folder of root {root.name} is missing")
        return await threads.run(walk_files, root.real, self._roots.reserved)

    async def _encode_list(self, root: Root, files: Iterable[tuple[str, Stat]]) -> list[bytes]:
        portions = []
        for portion in _portions(files):
            rows = [
                PathInfo(path, stat.modified, stat.size, stat.allowed(root.writable).value)
                for path, stat in portion
                if root.name != GCODES or is_gcode(path)
            ]
            portions.append(sorted(rows, key=_lower))
            await trio.lowlevel.checkpoint()
        array = _Array()
        for portion in _portions(heapq.merge(*map(_drained, portions), key=_lower)):
            array.extend(portion)
            await trio.lowlevel.checkpoint()
        return array.parts()

    async def folder(self, root: Root, path: RootPath, extended: bool) -> LargeResult:
        """One folder, without what is below it; raises 400 when it is none."""
        entries = await self._entries(root, path)
        usage = await self._threads.of(root.name).run(_disk_usage, root.real)
        folders, files = _Array(), _Array()
        for names in _portions(list(entries)):
            stats = list(_stats(entries, names))
            folders.extend(
                FolderEntry(stat.modified, stat.size, stat.allowed(root.writable).value, name)
                for name, stat in stats
                if stat.is_folder
            )
            files.extend(
                self._file_entry(root, path, name, stat, extended)
                for name, stat in stats
                if not stat.is_folder
            )
            await trio.lowlevel.checkpoint()
        about = {"name": root.name, "permissions": root.permissions}
        rest = b',"disk_usage":' + _encode(usage) + b',"root_info":' + _encode(about) + b"}"
        return LargeResult([b'{"dirs":', *folders.parts(), b',"files":', *files.parts(), rest])

    def _file_entry(
        self, root: Root, path: RootPath, name: str, stat: Stat, extended: bool
    ) -> FileEntry | dict[str, Any]:
        permissions = stat.allowed(root.writable).value
        known: Mapping[str, Any] | None = None
        if extended and root.name == GCODES and has_metadata(name):
            known = self._metadata.get(path.child(name).path)
        if known is None:
            return FileEntry(stat.modified, stat.size, permissions, name)
        entry = {"modified": stat.modified, "size": stat.size, **known}
        entry["permissions"], entry["filename"] = permissions, name
        return entry

    async def _entries(self, root: Root, path: RootPath) -> Entries:
        """What is in a folder; not to be changed, but it may change."""
        tree = await self._trees.current(root.name)
        folder = None if tree is None else tree.folder(path.parts)
        if folder is not None:
            return folder.entries
        return await self._threads.of(root.name).run(_read_place, self._roots, path)


class _Array:
    """A JSON array, encoded as it grows."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def extend(self, rows: Iterable[object]) -> None:
        encoded = _encode(list(rows))[1:-1]
        if encoded:
            self._chunks.append(b"," if self._chunks else b"[")
            self._chunks.append(encoded)

    def parts(self) -> list[bytes]:
        """The whole array; nothing can be added behind this."""
        self._chunks.append(b"]" if self._chunks else b"[]")
        return self._chunks


def _drained(rows: list[Any]) -> Iterator[Any]:
    """The rows in order; each is let go at once, not 100,000 of them in the end."""
    rows.reverse()
    while rows:
        yield rows.pop()


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


def _stats(entries: Entries, names: list[str]) -> Iterator[tuple[str, Stat]]:
    """What clients can name, as far as it is still there."""
    for name in names:
        entry = entries.get(name)
        if entry is not None and is_utf8(name):
            yield name, entry.stat if isinstance(entry, Folder) else entry


def _read_place(roots: Roots, path: RootPath) -> Entries:
    place = disk_paths.find(roots, path, write=False)
    try:
        return dict(disk.read_folder(str(place.real), roots.reserved))
    except OSError:
        raise missing("Directory", path) from None
