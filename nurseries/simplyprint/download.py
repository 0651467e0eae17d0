"""One file from an address into the gcodes root, through the upload path.

Its bytes are written in a thread, under a hidden name; nothing is left of one that fails.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable

import trio

from mrk.errors import ClientError
from mrk.files.temporary import TOKEN_BYTES, Purpose, temporary_name
from mrk.files.transfers import UploadFiles, fits
from mrk.http.client import HttpDownloads

STEP_S = 60.0
WHOLE_S = 3600.0
_CLEAN_UP_S = 5.0
_BLOCK_BYTES = 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Download:
    """Used once."""

    def __init__(self, http: HttpDownloads, uploads: UploadFiles, most_bytes: int) -> None:
        self._http = http
        self._uploads = uploads
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._size_bytes = 0
        self._hash = hashlib.sha256()

    async def fetch(self, url: str, name: str, tell: Callable[[int], None]) -> str:
        """The path of the file below gcodes. Raises `ClientError`, `FetchFailed`.

        `tell` hears how many bytes have come, after each MiB.
        """
        destination = await self._uploads.begin_upload("gcodes", "", name)
        folder = await destination.prepare()
        temporary = os.path.join(folder, temporary_name(Purpose.UPLOAD, os.urandom(TOKEN_BYTES)))
        try:
            with trio.fail_after(WHOLE_S):
                await self._receive(url, temporary, folder, tell)
            stored = await destination.store(temporary, self._hash.hexdigest())
        except trio.TooSlowError as exc:
            raise ClientError(
                f"it took more than {WHOLE_S:g} s, or {STEP_S:g} s in between"
            ) from exc
        except OSError as exc:
            raise ClientError(f"the file could not be stored: {exc.strerror}", 507) from exc
        finally:
            with trio.move_on_after(_CLEAN_UP_S, shield=True):
                await trio.to_thread.run_sync(_remove, temporary)
        stored.announce()
        return stored.item.path

    async def _receive(
        self, url: str, temporary: str, folder: str, tell: Callable[[int], None]
    ) -> None:
        descriptor = await trio.to_thread.run_sync(os.open, temporary, _NEW, 0o666)
        try:
            with trio.CancelScope() as scope:
                scope.deadline = trio.current_time() + STEP_S

                async def save(data: bytes) -> None:
                    scope.deadline = trio.current_time() + STEP_S
                    self._buffer += data
                    if len(self._buffer) >= _BLOCK_BYTES:
                        await self._flush(descriptor, folder)
                        tell(self._size_bytes)

                answer = await self._http.download(url, save, most_bytes=self._most_bytes)
            if scope.cancelled_caught:
                raise trio.TooSlowError
            if answer.status != 200:
                raise ClientError(f"the server answers with HTTP {answer.status}")
            if not answer.whole:
                raise ClientError(f"the file has more than {self._most_bytes} bytes")
            await self._flush(descriptor, folder)
            await trio.to_thread.run_sync(os.fsync, descriptor)
        finally:
            os.close(descriptor)

    async def _flush(self, descriptor: int, folder: str) -> None:
        block, self._buffer = self._buffer, bytearray()
        self._size_bytes += len(block)
        await trio.to_thread.run_sync(self._write, descriptor, block, folder)

    def _write(self, descriptor: int, block: bytearray, folder: str) -> None:
        """In a thread, one block at a time."""
        room = os.statvfs(folder)
        if not fits(len(block), room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize):
            raise ClientError("There is not enough space for this file", 507)
        self._hash.update(block)
        view = memoryview(block)
        while view:
            view = view[os.write(descriptor, view) :]


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
