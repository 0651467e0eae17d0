"""One file from an address into the gcodes root, through the upload path.

It comes under a hidden name; nothing is left of one that fails.
"""

import os
from pathlib import Path

from mrk.errors import ClientError
from mrk.files.disk_space import storage_error
from mrk.files.temporary import TOKEN_BYTES, Purpose, temporary_name
from mrk.files.transfers import UploadFiles
from mrk.http.client import HttpDownloads, TellSize
from mrk.http.file_download import Downloaded, DownloadEnd, DownloadLimits

LIMITS = DownloadLimits(most_bytes=1024 * 1024 * 1024, silence_s=60.0, whole_s=3600.0)


class Download:
    """Of one file after the other."""

    def __init__(
        self, http: HttpDownloads, uploads: UploadFiles, limits: DownloadLimits = LIMITS
    ) -> None:
        self._http = http
        self._uploads = uploads
        self._limits = limits

    async def fetch(self, url: str, name: str, tell: TellSize) -> str:
        """The path of the file below gcodes. Raises `ClientError`, `FetchFailed`.

        `tell` hears how many bytes have come, after each MiB.
        """
        destination = await self._uploads.begin_upload("gcodes", "", name)
        folder = await destination.prepare()
        temporary = os.path.join(folder, temporary_name(Purpose.UPLOAD, os.urandom(TOKEN_BYTES)))
        try:
            found = await self._http.download(url, Path(temporary), self._limits, tell)
        except OSError as exc:
            raise storage_error(exc) from exc
        self._check(found)
        stored = await destination.store(temporary, found.sha256)
        stored.announce()
        return stored.item.path

    def _check(self, found: Downloaded) -> None:
        limits = self._limits
        match found.end:
            case DownloadEnd.REFUSED:
                raise ClientError(f"the server answers with HTTP {found.status}")
            case DownloadEnd.TOO_LARGE:
                raise ClientError(f"the file has more than {limits.most_bytes} bytes")
            case DownloadEnd.SILENT | DownloadEnd.TOO_SLOW:
                raise ClientError(
                    f"it took more than {limits.whole_s:g} s, or {limits.silence_s:g} s in between"
                )
            case DownloadEnd.WHOLE:
                pass
