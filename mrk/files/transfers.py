"""What uploads and downloads over HTTP need of the file manager and of the printer.

The transport owns bytes on their way and the unfinished file; the file manager says where files
may go and puts finished ones in place. The root hands over who does it.
"""

import enum
from typing import Protocol

import msgspec

from mrk.files.records import Item


class StoredUpload(Protocol):
    """A file that is in its place."""

    @property
    def item(self) -> Item:
        """What is there now; a package (UFP) may have become another file."""
        ...

    @property
    def sha256(self) -> str | None:
        """Of the bytes that lie there, in hexadecimal; None when it is not known."""
        ...

    def announce(self) -> None:
        """The answer is out: notify_filelist_changed may follow."""
        ...


class UploadDestination(Protocol):
    """Where one upload will be: found once, before its first byte is stored.

    `folder` is absolute, there already, and on the file system where the file will be.
    """

    @property
    def folder(self) -> str: ...

    async def prepare(self) -> str:
        """Make missing folders; returns the one where the unfinished file gets its hidden name.

        Raises `ClientError` as `begin_upload` does.
        """
        ...

    async def store(self, temporary: str, sha256: str) -> StoredUpload:
        """Put a finished file in its place, atomically, and make what clients expect of it.

        `sha256` is that of its bytes as they were received, in hexadecimal.
        `temporary`, synced, lies in the folder that `prepare` gave, and is gone afterwards, on
        errors too. Returns when metadata is known. Whether the file may be replaced is checked
        again under the lock; raises `ClientError`.
        """
        ...


class UploadFiles(Protocol):
    """The file manager, for uploads."""

    def upload_folders(self) -> list[str]:
        """Absolute paths of the writable roots, gcodes first."""
        ...

    async def begin_upload(self, root: str, folder: str, filename: str) -> UploadDestination:
        """Find where an upload goes, and make nothing.

        `folder` is a sub-folder of `root` that may be missing, `filename` may hold sub-folders
        that exist. Raises `ClientError`: 400 for what is no root, read-only or no path, 403 for
        reserved places and a file that is being printed.
        """
        ...


class DownloadFiles(Protocol):
    """The file manager, for downloads."""

    def open_download(self, root: str, path: str) -> int:
        """A descriptor to read a file; blocks, so it is called in a thread.

        Opened without waiting (O_NONBLOCK), closed by the caller, who also sees that it is a
        regular file. Raises `ClientError`: 403 for folders and reserved places, 404 for what is
        missing or no root, 400 for what is no path.
        """
        ...


class PrintStart(enum.Enum):
    """What became of a wish to print."""

    STARTED = "started"
    QUEUED = "queued"
    REFUSED = "refused"


class PrintOutcome(msgspec.Struct, frozen=True):
    """`reason` says to a person why a print was refused, or queued."""

    start: PrintStart
    reason: str = ""


class UploadPrints(Protocol):
    """Prints what was uploaded with `print=true`."""

    async def print_upload(self, filename: str, user: str | None = None) -> PrintOutcome:
        """Start or queue a file, by its path in the gcodes root; raises nothing of its own.

        `user` is who asked for it, for the history.
        """
        ...
