"""Collects an upload's bytes to about 1 MB and has them written in a thread.

Owned by one upload's task. Nothing is on disk before the first megabyte is full or the form has
ended, so that small files go where they belong at once.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import trio

from mrk.files.disk_space import storage_error
from transports.transfers.subject_threads import run_cleaning
from transports.transfers.unfinished_file import UnfinishedFile

BUFFER_BYTES = 1024 * 1024
# Of a client that sends byte by byte.
_BUFFER_CHUNKS = 256
# To remove what was begun, also when the daemon ends; a file of some gigabytes takes a moment.
CLEAN_UP_S = 1.0

Result = TypeVar("Result")
ChooseFolder = Callable[[], Awaitable[str]]


class InThread(Protocol):
    """Calls something in a thread."""

    async def __call__(self, work: Callable[[], Result]) -> Result: ...


class UploadBuffer:
    """`choose_folder` is asked once, when the file has to be made; `size_bytes` came so far.

    Errors of the disk are `ClientError` 507 or 500. Use it as an async context manager: what
    was not kept is removed at its end.
    """

    def __init__(self, choose_folder: ChooseFolder, threads: InThread) -> None:
        self._choose_folder = choose_folder
        self._threads = threads
        # As they came: copying them together costs a tenth of an upload.
        self._chunks: list[memoryview] = []
        self._waiting_bytes = 0
        self._file: UnfinishedFile | None = None
        self.size_bytes = 0

    async def __aenter__(self) -> "UploadBuffer":
        return self

    async def __aexit__(self, *_: object) -> None:
        file = self._file
        if file is None or file.closed:
            return
        with trio.move_on_after(CLEAN_UP_S, shield=True):
            await run_cleaning(file.discard)

    async def add(self, part: memoryview) -> None:
        """Take bytes; waits while the disk does."""
        self.size_bytes += len(part)
        self._waiting_bytes += len(part)
        self._chunks.append(part)
        if self._waiting_bytes >= BUFFER_BYTES or len(self._chunks) >= _BUFFER_CHUNKS:
            await self._flush()

    async def finish(self) -> str:
        """Write what is left; returns the SHA-256 of everything, in hexadecimal."""
        await self._flush()
        assert self._file is not None
        return self._file.digest

    async def keep(self, folder: str) -> str:
        """Give the file a hidden name in a folder; returns its path, which is the caller's."""
        assert self._file is not None
        file = self._file
        return await self._in_thread(lambda: file.keep(folder))

    async def _flush(self) -> None:
        chunks, self._chunks, self._waiting_bytes = self._chunks, [], 0
        if self._file is None:
            folder = await self._choose_folder()
            self._file = await self._in_thread(lambda: UnfinishedFile(folder))
        file = self._file
        await self._in_thread(lambda: file.write(chunks))

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            return await self._threads(work)
        except OSError as exc:
            raise storage_error(exc) from exc
