"""The file manager as uploads and downloads over HTTP want it (`mrk/files/transfers.py`).

Built by the root and handed to the transport; holds nothing but the manager.
"""

import os
from pathlib import Path

from mrk.errors import ClientError
from nurseries.files import disk_paths
from nurseries.files.changes.uploads import FinishedUpload
from nurseries.files.file_manager import FileManager
from nurseries.files.watch.announcer import GCODES

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW


class TransferPorts:
    """Implements `UploadFiles` and `DownloadFiles`."""

    def __init__(self, files: FileManager) -> None:
        self._files = files

    def upload_folders(self) -> list[str]:
        """Where the writable roots are, gcodes first."""
        writable = [root for root in self._files.roots if root.writable]
        return [root.real for root in sorted(writable, key=lambda root: root.name != GCODES)]

    async def judge_upload(self, root: str, folder: str, filename: str) -> str:
        """Judge without making anything; returns an existing folder."""
        return str(await self._files.judge_upload(root, folder, filename))

    async def place_upload(self, root: str, folder: str, filename: str) -> str:
        """Make missing folders; returns the file's."""
        return str((await self._files.upload_target(root, folder, filename)).folder)

    async def store_upload(
        self, temporary: str, root: str, folder: str, filename: str
    ) -> FinishedUpload:
        """Put a complete file in place."""
        target = await self._files.upload_target(root, folder, filename)
        return await self._files.finish_upload(Path(temporary), target)

    def open_download(self, root: str, path: str) -> int:
        """In a thread: a descriptor to read a file; raises `ClientError` and OSError."""
        roots = self._files.roots
        if root not in roots:
            raise ClientError("There is no such root", 404)
        _root, found = roots.within(root, path)
        place = disk_paths.find(roots, found, write=False)
        if place.stat is None:
            raise ClientError(f"There is no file {found}", 404)
        if place.stat.is_folder or not place.stat.permissions:
            raise ClientError(f"Access to {found} is not allowed", 403)
        return os.open(place.real, _READ)
