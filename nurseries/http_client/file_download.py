"""A file on its way from an address onto the disk: the only way in which one comes.

Owned by the call of `HttpClient.download`. Written in threads, a MiB at a time; on the disk when it
is told to be whole, and gone when it is not, on a cancellation too.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from mrk.files.disk_space import fits
from mrk.http.client import Fetched, TellSize
from mrk.http.file_download import Downloaded, DownloadEnd, DownloadLimits, end_of

# Takes the next bytes of a file.
Save = Callable[[bytes], Awaitable[None]]
_BLOCK_BYTES = 1024 * 1024
_CLEAN_UP_S = 5.0
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_MODE = 0o666  # less the umask, as any program's files


class FileDownload:
    """Into `target`, which must not exist; used once."""

    def __init__(self, target: Path, limits: DownloadLimits, tell: TellSize) -> None:
        self._target = target
        self._limits = limits
        self._tell = tell
        self._descriptor = -1
        self._block = bytearray()
        self._hash = hashlib.sha256()
        self._size_bytes = 0

    async def receive(self, ask: Callable[[Save], Awaitable[Fetched]]) -> Downloaded:
        """Save what `ask` brings; raises what it does, and OSError of the disk."""
        found = Downloaded(DownloadEnd.TOO_SLOW, 0, 0, "")
        try:
            with trio.move_on_after(self._limits.whole_s):
                await trio.to_thread.run_sync(self._open)
                found = await self._receive(ask)
        finally:
            with trio.move_on_after(_CLEAN_UP_S, shield=True):
                await trio.to_thread.run_sync(self._finish, found.end)
            self._close()  # when no thread was to be had
        return found

    async def _receive(self, ask: Callable[[Save], Awaitable[Fetched]]) -> Downloaded:
        with trio.CancelScope(deadline=trio.current_time() + self._limits.silence_s) as silence:

            async def save(data: bytes) -> None:
                self._block += data
                if len(self._block) >= _BLOCK_BYTES:
                    await trio.to_thread.run_sync(self._write)
                    self._tell(self._size_bytes)
                silence.deadline = trio.current_time() + self._limits.silence_s

            answer = await ask(save)
        if silence.cancelled_caught:
            return self._ended(DownloadEnd.SILENT, 0)
        end = end_of(answer.status, answer.whole)
        if end is DownloadEnd.WHOLE:
            await trio.to_thread.run_sync(self._write_last)
        return self._ended(end, answer.status)

    def _ended(self, end: DownloadEnd, status: int) -> Downloaded:
        return Downloaded(end, status, self._size_bytes, self._hash.hexdigest())

    def _open(self) -> None:
        self._descriptor = os.open(self._target, _NEW, _MODE)

    def _write(self) -> None:
        """In a thread, one block at a time."""
        block, self._block = self._block, bytearray()
        if not fits(len(block), os.fstatvfs(self._descriptor)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._hash.update(block)
        self._size_bytes += len(block)
        view = memoryview(block)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _write_last(self) -> None:
        self._write()
        os.fsync(self._descriptor)

    def _finish(self, end: DownloadEnd) -> None:
        if self._descriptor < 0:
            return  # it was there before, or its folder is not
        self._close()
        if end is not DownloadEnd.WHOLE:
            with contextlib.suppress(OSError):
                os.unlink(self._target)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
