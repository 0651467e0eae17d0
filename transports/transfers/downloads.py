"""Downloads over HTTP: opens the file and has the answer decided, in a thread.

Called in each connection's task; one instance per generation.
"""

import os
import stat
import time
from collections.abc import Callable, Mapping
from functools import partial

from mrk.errors import ClientError
from mrk.files.transfers import DownloadFiles
from mrk.http.digests import digest_headers, is_wanted
from mrk.http.download import download
from mrk.http.exchange import Exchange
from mrk.http.file_answer import FileFacts, PreparedFile
from mrk.http.head import RequestHead
from mrk.http.response import Headers
from transports.transfers.file_answers import FileSender
from transports.transfers.file_digests import FileDigests

# Names of logs -> where each is now; None when there is none.
Logs = Mapping[str, Callable[[], str | None]]
Open = Callable[[], int]
# What is told besides of a file that was found so.
Told = Callable[[os.stat_result], Headers]


class DownloadHandler:
    """`logs` are files outside of the roots that are served under `/server/files/<name>`."""

    def __init__(self, files: DownloadFiles, logs: Logs) -> None:
        self._files = files
        self._logs = logs
        self._sender = FileSender()
        self._digests = FileDigests()

    async def send_log(self, exchange: Exchange, name: str, cors: Headers) -> None:
        """Serve a log; raises `ClientError`."""
        where = self._logs.get(name)
        path = None if where is None else where()
        if path is None:
            raise ClientError(f"There is no {name[:200]}", 404)
        await self._send(exchange, partial(_open_log, path), "", name, cors)

    async def send_file(self, exchange: Exchange, root: str, path: str, cors: Headers) -> None:
        """Serve a file of a root; raises `ClientError`."""
        opened = partial(self._files.open_download, root, path)
        await self._send(exchange, opened, root, path.rstrip("/").rpartition("/")[2], cors)

    async def _send(
        self, exchange: Exchange, opened: Open, root: str, name: str, cors: Headers
    ) -> None:
        head = exchange.head
        told: Told = _nothing
        if is_wanted(head):
            await self._digests.find(opened)
            told = partial(self._told, cors)
        prepare = partial(_prepare, head, opened, name, told)
        await self._sender.send(exchange, prepare, cors, root)

    def _told(self, cors: Headers, status: os.stat_result) -> Headers:
        digest = self._digests.get(status)
        return () if digest is None else digest_headers(digest, cors)


def _nothing(_status: os.stat_result) -> Headers:
    return ()


def _prepare(head: RequestHead, opened: Open, name: str, told: Told) -> PreparedFile:
    """Blocks; raises `ClientError` and OSError."""
    descriptor = opened()
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ClientError("This is a folder or no regular file", 403)
        facts = FileFacts(name, found.st_size, found.st_mtime_ns, found.st_ino)
        return PreparedFile(descriptor, download(head, facts, time.time(), told(found)))
    except BaseException:
        os.close(descriptor)
        raise


def _open_log(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
