"""Sends files: opened and looked at in a thread, small ones with their head, others by the kernel.

Downloads and front ends use it, an instance each, so that one cannot take the other's threads; nor
can the files of one root those of another.
Called in each connection's task.
"""

import errno
import os
from collections.abc import Callable
from functools import partial

from mrk.errors import ClientError
from mrk.http.exchange import Exchange
from mrk.http.file_answer import PartialContent, PreparedFile
from mrk.http.response import Headers, Response
from transports.transfers.subject_threads import SubjectThreads

THREADS = 4
# Read in the thread that opened the file, and sent in one write with the head.
SMALL_BYTES = 32 * 1024
_MISSING = (errno.ENOENT, errno.ENOTDIR)


class FileSender:
    """Implements `mrk.http.file_answer.FileAnswers`."""

    def __init__(self) -> None:
        self._threads = SubjectThreads(THREADS)

    async def send(
        self,
        exchange: Exchange,
        prepare: Callable[[], PreparedFile],
        headers: Headers,
        subject: str = "",
    ) -> None:
        """Send what `prepare` opens; raises `ClientError`. Each `subject` has its own threads."""
        look = partial(_look, prepare, exchange.head.method != "HEAD")
        prepared, small = await self._threads.run(subject, look)
        await _deliver(exchange, prepared, small, headers)

    async def send_open(self, exchange: Exchange, prepared: PreparedFile, headers: Headers) -> None:
        """Send what is open; one that is small and in the page cache needs no thread."""
        if not _is_small(prepared.content) or exchange.head.method == "HEAD":
            await _deliver(exchange, prepared, None, headers)
            return
        small = _cached(*prepared)
        if small is None:
            try:
                small = await self._threads.run("", partial(_small, *prepared))
            except OSError as exc:
                _close(prepared.descriptor)
                raise _refusal(exc) from exc
            except BaseException:
                _close(prepared.descriptor)
                raise
        await _deliver(exchange, prepared, small, headers)


async def _deliver(
    exchange: Exchange, prepared: PreparedFile, small: bytes | None, headers: Headers
) -> None:
    descriptor, content = prepared
    try:
        response = content.response.with_headers(headers)
        if small is not None:
            await exchange.answer(_with_body(response, small))
        elif not content.size_bytes:
            await exchange.answer(response)
        else:
            await exchange.answer_file(response, descriptor, content.start, content.size_bytes)
    finally:
        _close(descriptor)


def _with_body(response: Response, body: bytes) -> Response:
    return Response(response.status, body, response.content_type, response.reason, response.headers)


def _look(prepare: Callable[[], PreparedFile], reads: bool) -> tuple[PreparedFile, bytes | None]:
    """The prepared file, and what is to be sent of it if that is little; blocks."""
    try:
        prepared = prepare()
    except OSError as exc:
        raise _refusal(exc) from exc
    try:
        small = _small(prepared.descriptor, prepared.content) if reads else None
    except OSError as exc:
        _close(prepared.descriptor)
        raise _refusal(exc) from exc
    if small is None:
        return prepared, None
    _close(prepared.descriptor)
    return PreparedFile(-1, prepared.content), small


def _is_small(content: PartialContent) -> bool:
    return 0 < content.size_bytes <= SMALL_BYTES


def _cached(descriptor: int, content: PartialContent) -> bytes | None:
    """What is to be sent, if that is to be had without waiting for the disk."""
    found = bytearray(content.size_bytes)
    try:
        size = os.preadv(descriptor, [found], content.start, os.RWF_NOWAIT)
    except OSError:  # not in the page cache, or a file system that cannot tell
        return None
    return bytes(found) if size == len(found) else None


def _small(descriptor: int, content: PartialContent) -> bytes | None:
    if not _is_small(content):
        return None
    found = os.pread(descriptor, content.size_bytes, content.start)
    # Written to just now: whoever sends it as a file sees that it became shorter.
    return found if len(found) == content.size_bytes else None


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _refusal(error: OSError) -> ClientError:
    if error.errno in _MISSING:
        return ClientError("File does not exist", 404)
    return ClientError(f"The file cannot be read: {os.strerror(error.errno or 0)}", 403)
