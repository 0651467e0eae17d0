"""Opens files for downloads over HTTP; in threads of the transport."""

import os

from mrk.errors import ClientError
from mrk.files.paths import missing
from mrk.files.roots import Roots
from nurseries.files import disk_paths

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW


class DownloadOpener:
    """Implements `DownloadFiles`."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def open_download(self, root: str, path: str) -> int:
        """A descriptor to read a file; blocks. Raises `ClientError` and OSError."""
        if root not in self._roots:
            raise ClientError("There is no such root", 404)
        _root, found = self._roots.within(root, path)
        place = disk_paths.find(self._roots, found, write=False)
        if place.stat is None:
            raise missing("File", found, 404)
        if place.stat.is_folder or not place.stat.permissions:
            raise ClientError(f"Access to {found} is not allowed", 403)
        return os.open(place.real, _READ)
