"""What clients are told of files: entries of listings, changed items, notifications.

Sizes in bytes, `modified` in Unix seconds; shapes are Moonraker's (external API, file management).
"""

import enum
from typing import Any

import msgspec

from mrk.files.paths import RootPath
from mrk.files.reserved import Permissions


def modified_of(mtime_ns: int) -> float:
    """Unix seconds, as `os.stat` makes a float of nanoseconds: to be compared with its own."""
    seconds, nanoseconds = divmod(mtime_ns, 1_000_000_000)
    return seconds + 1e-9 * nanoseconds


class Stat(msgspec.Struct, frozen=True, gc=False):
    """One file or folder as found on disk; a link shows what it leads to.

    `permissions` is what a reserved place leaves over; not tracked by the collector, because
    a folder may hold 100,000 of these.
    """

    is_folder: bool
    size: int
    modified: float
    mtime_ns: int
    device: int
    inode: int
    is_link: bool = False
    permissions: Permissions = Permissions.WRITE

    def same_content(self, other: "Stat") -> bool:
        """Whether nobody wrote to it in between."""
        return (self.mtime_ns, self.size, self.inode, self.is_folder, self.device) == (
            other.mtime_ns,
            other.size,
            other.inode,
            other.is_folder,
            other.device,
        )

    def allowed(self, writable_root: bool) -> Permissions:
        """What the API allows with it."""
        if self.permissions is not Permissions.WRITE:
            return self.permissions
        if not writable_root or (self.is_link and not self.is_folder):
            return Permissions.READ
        return Permissions.WRITE


class PathInfo(msgspec.Struct, frozen=True, gc=False):
    """One file in the answer of server.files.list."""

    path: str
    modified: float
    size: int
    permissions: str


class FolderEntry(msgspec.Struct, frozen=True, gc=False):
    """A sub-folder in the answer of server.files.get_directory."""

    modified: float
    size: int
    permissions: str
    dirname: str


class FileEntry(msgspec.Struct, frozen=True, gc=False):
    """A file in the answer of server.files.get_directory, without metadata."""

    modified: float
    size: int
    permissions: str
    filename: str


class DiskUsage(msgspec.Struct, frozen=True):
    """Of the file system that holds the root, in bytes."""

    total: int
    used: int
    free: int


class RootInfo(msgspec.Struct, frozen=True):
    """A root and where it is."""

    name: str
    path: str
    permissions: str


class Item(msgspec.Struct, frozen=True):
    """What changed; size and time are 0 and permissions empty when it is gone."""

    path: str
    root: str
    modified: float
    size: int
    permissions: str

    @classmethod
    def gone(cls, path: RootPath) -> "Item":
        """Something that is not there any more."""
        return cls(path.path, path.root, 0, 0, "")

    @classmethod
    def of(cls, path: RootPath, stat: Stat, writable_root: bool) -> "Item":
        """Something that is there."""
        permissions = stat.allowed(writable_root)
        return cls(path.path, path.root, stat.modified, stat.size, permissions.value)


class SourceItem(msgspec.Struct, frozen=True):
    """Where something was moved from."""

    path: str
    root: str


class Action(enum.StrEnum):
    """What happened."""

    CREATE_FILE = "create_file"
    CREATE_DIR = "create_dir"
    DELETE_FILE = "delete_file"
    DELETE_DIR = "delete_dir"
    MOVE_FILE = "move_file"
    MOVE_DIR = "move_dir"
    MODIFY_FILE = "modify_file"
    ROOT_UPDATE = "root_update"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One notify_filelist_changed, and the answer of most requests that change files."""

    action: Action
    item: Item
    source_item: SourceItem | None = None

    @property
    def place(self) -> RootPath:
        """Where it happened."""
        return RootPath(self.item.root, _parts(self.item.path))

    @property
    def source(self) -> RootPath | None:
        """Where it came from, for moves."""
        old = self.source_item
        return None if old is None else RootPath(old.root, _parts(old.path))

    def params(self) -> list[Any]:
        """The notification's params."""
        return [self]


class ZipAnswer(msgspec.Struct, frozen=True):
    """The answer of server.files.zip."""

    destination: Item
    action: str = "zip_files"


class ThumbnailDetails(msgspec.Struct, frozen=True):
    """One thumbnail; pixels, bytes, and a path relative to the gcodes root."""

    width: int
    height: int
    size: int
    thumbnail_path: str


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")) if path and path != "." else ()
