"""What the file manager needs of others; the root hands over who does it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import msgspec

from mrk.files.arrived import ArrivedFile


class UnpackedModel(msgspec.Struct, frozen=True):
    """G-code from a package; `others` are a project's further plates."""

    path: Path
    others: Sequence[int] = ()


class MetadataSource(Protocol):
    """What is known of g-code files, from memory."""

    def get(self, path: str) -> Mapping[str, Any] | None:
        """The record of a file, by its path in the gcodes root, as `server.files.metadata` shows
        it but for `filename`; None when there is none."""


class FileMetadata(MetadataSource, Protocol):
    """Metadata of g-code files. Paths are relative to the gcodes root."""

    def has(self, path: str) -> bool:
        """Whether a file has a record, without reading it."""

    async def request_scan(
        self, path: str, arrived: ArrivedFile | None = None, *, anew: bool = False
    ) -> Mapping[str, Any] | None:
        """Scan a file unless its record is true to its size and time; returns the record.

        With `arrived` the record has the file's `sha256`. `anew`: whatever is known; what its print
        left in the record is forgotten, a picture that came in a package is not.
        Returns when the record is stored and thumbnails are written; None when the file is gone.
        A file that cannot be scanned has a minimal record. Raises nothing for it.
        """

    async def unpack(self, package: Path, path: str, plate: int = 0) -> UnpackedModel | None:
        """Unpack what holds g-code, which is to be the file `path`, with its image.

        A UFP, a 3MF project (of which `plate` or the first one is taken), or binary g-code.
        Returns the model, complete, under a hidden name in the package's folder, to be renamed;
        None when it is no package that can be unpacked. The package stays.
        """

    async def remove(self, path: str) -> None:
        """Forget a file, or everything below a folder, and its thumbnails."""

    async def move(self, source: str, dest: str) -> None:
        """A file, or a folder with all that is in it, was renamed; thumbnails go with it."""

    async def retain(self, paths: Iterable[str]) -> None:
        """Forget every file but these: those that are there when the daemon starts."""


class FileRoots(Protocol):
    """Where folders become roots that clients see."""

    def add_root(self, name: str, path: Path, *, writable: bool) -> None:
        """Show a folder under a name; to be called before anything is served.

        Raises `ClientError`: for a name that is taken, and for a place that is closed to clients.
        """


class InUse(Protocol):
    """Which file is being printed."""

    def is_in_use(self, path: PurePosixPath) -> bool:
        """Whether the virtual sdcard has the file loaded, or one in the folder, while a print is
        active or paused. The path is absolute, free of links."""


class ReadableFiles(Protocol):
    """Which files of the disk clients may read, so that mrk may send them somewhere."""

    def may_read(self, path: Path) -> bool:
        """Whether a file lies in a root and in no reserved place. `path` is absolute and free of
        links. Blocks for a moment: call it in a thread."""


class FileFollower(Protocol):
    """Keeps names of files, and wants to know what became of them."""

    async def on_file_removed(self, path: str) -> None: ...

    async def on_file_moved(self, source: str, dest: str) -> None: ...
