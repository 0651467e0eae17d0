"""Downloads over HTTP: opens the file, has the answer decided, sends it.

Called in each connection's task; one instance per generation.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Mapping
from functools import partial

import trio

from mrk.errors import ClientError
from mrk.files.transfers import DownloadFiles
from mrk.http.download import FileFacts, PartialContent, download
from mrk.http.exchange import Exchange
from mrk.http.response import Headers, Response

THREADS = 4
# Read with the file's facts, and sent in one write with the head: thumbnails and small configs.
SMALL_BYTES = 32 * 1024
_MISSING = (errno.ENOENT, errno.ENOTDIR)

# Names of logs -> where each is now; None when there is none.
Logs = Mapping[str, Callable[[], str | None]]
Open = Callable[[], int]


class DownloadHandler:
    """`logs` are files outside of the roots that are served under `/server/files/<name>`."""

    def __init__(self, files: DownloadFiles, logs: Logs) -> None:
        self._files = files
        self._logs = logs
        self._threads = trio.CapacityLimiter(THREADS)

    async def send_log(self, exchange: Exchange, name: str, cors: Headers) -> None:
        """Serve a log; raises `ClientError`."""
        where = self._logs.get(name)
        path = None if where is None else where()
        if path is None:
            raise ClientError(f"There is no {name[:200]}", 404)
        await self._send(exchange, partial(_open_log, path), name, cors)

    async def send_file(self, exchange: Exchange, root: str, path: str, cors: Headers) -> None:
        """Serve a file of a root; raises `ClientError`."""
        opened = partial(self._files.open_download, root, path)
        await self._send(exchange, opened, path.rstrip("/").rpartition("/")[2], cors)

    async def _send(self, exchange: Exchange, opened: Open, name: str, cors: Headers) -> None:
        descriptor, facts, start = await trio.to_thread.run_sync(
            partial(_look, opened, name), limiter=self._threads
        )
        try:
            part = download(exchange.head, facts, time.time())
            await self._answer(exchange, part, descriptor, start, cors)
        finally:
            os.close(descriptor)

    async def _answer(
        self,
        exchange: Exchange,
        part: PartialContent,
        descriptor: int,
        small: bytes | None,
        cors: Headers,
    ) -> None:
        response = part.response.with_headers(cors)
        if not part.size_bytes:
            await exchange.answer(response)
        elif small is not None and exchange.head.method != "HEAD":
            body = small[part.start : part.start + part.size_bytes]
            await exchange.answer(_with_body(response, body))
        else:
            await exchange.answer_file(response, descriptor, part.start, part.size_bytes)


def _with_body(response: Response, body: bytes) -> Response:
    return Response(response.status, body, response.content_type, response.reason, response.headers)


def _look(opened: Open, name: str) -> tuple[int, FileFacts, bytes | None]:
    """Descriptor, facts, and the content of a small file; blocks."""
    try:
        descriptor = opened()
    except OSError as exc:
        raise _refusal(exc) from exc
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ClientError("This is a folder or no regular file", 403)
        facts = FileFacts(name, found.st_size, found.st_mtime_ns, found.st_ino)
        small = None
        if found.st_size <= SMALL_BYTES:
            small = os.pread(descriptor, SMALL_BYTES + 1, 0)
            if len(small) != found.st_size:  # written to just now
                small = None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, facts, small


def _refusal(error: OSError) -> ClientError:
    if error.errno in _MISSING:
        return ClientError("There is no such file", 404)
    return ClientError(f"The file cannot be read: {os.strerror(error.errno or 0)}", 403)


def _open_log(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
