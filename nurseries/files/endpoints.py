"""server.files.*: what clients may ask, and how their arguments are read.

Owns no state; the work is done by the other parts of the file manager.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.api.large_result import LargeResult
from mrk.clients.client_turns import ClientTurns
from mrk.errors import ClientError
from mrk.files.arrived import ArrivedFile
from mrk.files.paths import has_metadata
from mrk.files.records import Change, PathInfo, RootInfo, ThumbnailDetails, ZipAnswer
from mrk.files.roots import Roots, write_role
from nurseries.files.changes.archives import Archives
from nurseries.files.changes.operations import Operations
from nurseries.files.changes.placement import Placement
from nurseries.files.listings import Listings
from nurseries.files.watch.announcer import GCODES

_DELETE_FILE = frozenset({Transport.HTTP, Transport.WEBSOCKET, Transport.UNIX, Transport.INTERNAL})
_NOT_FOUND = 404


class FileListParams(msgspec.Struct, frozen=True):
    """The root to walk."""

    root: str = GCODES


class FileParams(msgspec.Struct, frozen=True):
    """A g-code file, relative to the gcodes root."""

    filename: str


class FolderParams(msgspec.Struct, frozen=True):
    """A folder, beginning with its root; `extended` adds metadata to g-code files."""

    path: str = GCODES
    extended: bool = False


class NewFolderParams(msgspec.Struct, frozen=True):
    """A folder to be made, beginning with its root."""

    path: str = GCODES


class DeleteFolderParams(msgspec.Struct, frozen=True):
    """A folder, beginning with its root; `force` deletes what is in it too."""

    path: str
    force: bool = False


class PairParams(msgspec.Struct, frozen=True):
    """Two paths, each beginning with its root."""

    source: str
    dest: str


class ZipParams(msgspec.Struct, frozen=True):
    """Items and archive, each beginning with its root; `store_only` does not compress."""

    items: list[str]
    dest: str | None = None
    store_only: bool = False


class PathParams(msgspec.Struct, frozen=True):
    """A file, beginning with its root."""

    path: str


class FileEndpoints:
    """The declarations and handlers; `wall_clock` gives Unix time."""

    def __init__(
        self,
        roots: Roots,
        listings: Listings,
        operations: Operations,
        archives: Archives,
        placement: Placement,
        wall_clock: Callable[[], float],
    ) -> None:
        self._roots = roots
        self._listings = listings
        self._operations = operations
        self._archives = archives
        self._placement = placement
        self._metadata = placement.metadata
        self._wall_clock = wall_clock
        self._turns = ClientTurns()

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [*self._reading(), *self._changing()]

    def _reading(self) -> list[Endpoint]:
        return [
            get(
                "/server/files/list",
                self.list_files,
                "Every file of a root, sorted; in the gcodes root only g-code.",
                Access.VIEW,
                FileListParams,
                list[PathInfo],
            ),
            get(
                "/server/files/roots",
                self.list_roots,
                "The registered roots: where they are, and whether they may be written.",
                Access.VIEW,
                result=list[RootInfo],
            ),
            get(
                "/server/files/directory",
                self.get_directory,
                "One folder, without descending.",
                Access.VIEW,
                FolderParams,
            ),
            get(
                "/server/files/metadata",
                self.get_metadata,
                "The stored metadata of a g-code file.",
                Access.VIEW,
                FileParams,
            ),
            get(
                "/server/files/thumbnails",
                self.list_thumbnails,
                "Thumbnails of a g-code file, relative to the gcodes root.",
                Access.VIEW,
                FileParams,
                list[ThumbnailDetails],
            ),
            post(
                "/server/files/metascan",
                self.metascan,
                "Read the metadata of a g-code file anew.",
                Access.OPERATE,
                FileParams,
            ),
        ]

    def _changing(self) -> list[Endpoint]:
        return [
            post(
                "/server/files/directory",
                self.post_directory,
                "Create one folder.",
                Access.OPERATE,
                NewFolderParams,
                Change,
            ),
            delete(
                "/server/files/directory",
                self.delete_directory,
                "Delete one folder.",
                Access.OPERATE,
                DeleteFolderParams,
                Change,
            ),
            post(
                "/server/files/move",
                self.move,
                "Move or rename a file or folder.",
                Access.OPERATE,
                PairParams,
                Change,
            ),
            post(
                "/server/files/copy",
                self.copy,
                "Copy a file or folder.",
                Access.OPERATE,
                PairParams,
                Change,
            ),
            post(
                "/server/files/zip",
                self.zip,
                "Write a ZIP archive from listed files and folders.",
                Access.OPERATE,
                ZipParams,
                ZipAnswer,
            ),
            delete(
                "/server/files/{path...}",
                self.delete_file,
                "Delete one file.",
                Access.OPERATE,
                PathParams,
                Change,
                transports=EVERYWHERE & _DELETE_FILE,
                rpc="server.files.delete_file",
            ),
        ]

    # Reading

    async def list_files(self, params: FileListParams, _caller: Caller) -> LargeResult:
        """An array of `PathInfo`; 400 for an unknown root."""
        return await self._listings.list_files(self._roots.get(params.root))

    def list_roots(self, _params: NoParams, _caller: Caller) -> list[RootInfo]:
        """In the order of registration."""
        return [root.info() for root in self._roots]

    async def get_directory(self, params: FolderParams, _caller: Caller) -> LargeResult:
        """`dirs`, `files`, `disk_usage`, `root_info`."""
        root, path = self._roots.locate(params.path)
        return await self._listings.folder(root, path, params.extended)

    def get_metadata(self, params: FileParams, _caller: Caller) -> dict[str, Any]:
        """The record under exactly that path; 404 without one."""
        record = self._metadata.get(params.filename)
        if record is None:
            raise ClientError(f"Metadata not available for <{params.filename[:200]}>", _NOT_FOUND)
        return {**record, "filename": params.filename}

    def list_thumbnails(self, params: FileParams, _caller: Caller) -> list[ThumbnailDetails]:
        """Empty for a file without any, and for no file."""
        record = self._metadata.get(params.filename) or {}
        folder = params.filename.rpartition("/")[0]
        return [_thumbnail(folder, one) for one in record.get("thumbnails") or ()]

    async def metascan(self, params: FileParams, _caller: Caller) -> dict[str, Any]:
        """Returns when the scan has finished: the new record."""
        _root, path = self._roots.within(GCODES, params.filename)
        place = await self._placement.find(path)
        if place.stat is None or place.is_folder:
            raise ClientError(f"File not found: {path.path}", _NOT_FOUND)
        if not has_metadata(path.name):
            raise ClientError(f"{path.path} is not a g-code file")
        arrived = _arrived(self._metadata.get(path.path) or {})
        record = await self._metadata.request_scan(path.path, arrived, anew=True)
        if record is None:
            # Unpacked into its model, or removed by somebody meanwhile.
            if (await self._placement.find(path)).stat is None:
                raise ClientError(f"File not found any more: {path.path}", _NOT_FOUND)
            raise ClientError(f"{path.path} could not be scanned now", 503)
        return {**record, "filename": params.filename}

    # Changing

    async def post_directory(self, params: NewFolderParams, caller: Caller) -> Change:
        """Create one folder."""
        self._check_role(caller, params.path)
        async with self._turns.turn(caller.connection_id):
            return await self._operations.make_folder(params.path)

    async def delete_directory(self, params: DeleteFolderParams, caller: Caller) -> Change:
        """Delete one folder."""
        self._check_role(caller, params.path)
        async with self._turns.turn(caller.connection_id):
            return await self._operations.delete_folder(params.path, params.force)

    async def move(self, params: PairParams, caller: Caller) -> Change:
        """Move or rename."""
        self._check_role(caller, params.source, params.dest)
        async with self._turns.turn(caller.connection_id):
            return await self._operations.move(params.source, params.dest)

    async def copy(self, params: PairParams, caller: Caller) -> Change:
        """Copy."""
        self._check_role(caller, params.dest)
        async with self._turns.turn(caller.connection_id):
            return await self._operations.copy(params.source, params.dest)

    async def zip(self, params: ZipParams, caller: Caller) -> ZipAnswer:
        """Write an archive; named after the local time unless it is told where."""
        if params.dest is not None:
            self._check_role(caller, params.dest)
            async with self._turns.turn(caller.connection_id):
                return await self._archives.make(params.dest, params.items, params.store_only)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(self._wall_clock()))
        stem = f"config/collection-{stamp}"
        self._check_role(caller, stem)
        async with self._turns.turn(caller.connection_id):
            return await self._archives.make_named(stem, params.items, params.store_only)

    async def delete_file(self, params: PathParams, caller: Caller) -> Change:
        """Delete one file."""
        self._check_role(caller, params.path)
        async with self._turns.turn(caller.connection_id):
            return await self._operations.delete_file(params.path)

    def _check_role(self, caller: Caller, *written: str) -> None:
        """Raise 403 when a path to be written is beyond the caller's role."""
        for path in written:
            root, _path = self._roots.locate(path)
            caller.require(write_role(root.name), f"Changing files in {root.name}")


def _thumbnail(folder: str, one: Mapping[str, Any]) -> ThumbnailDetails:
    path = f"{folder}/{one['relative_path']}" if folder else str(one["relative_path"])
    return ThumbnailDetails(one["width"], one["height"], one["size"], path)


def _arrived(record: Mapping[str, Any]) -> ArrivedFile | None:
    """How a file came that is to be scanned anew: its digest is not to be found in it."""
    if "sha256" not in record:
        return None
    return ArrivedFile(record["size"], record["modified"], record["sha256"])
