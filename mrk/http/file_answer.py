"""A file's answer by the request's head and the file's facts: whole, a part, or none.

Pure; whoever opens the file says what kind it is and how it is cached. Who sends it is a
`FileAnswers` (`transports/transfers/file_answers.py`).
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from mrk.errors import ClientError
from mrk.http import conditional
from mrk.http.exchange import Exchange
from mrk.http.head import RequestHead
from mrk.http.ranges import Unsatisfiable, parse_range
from mrk.http.response import Headers, Response, error_response


class FileFacts(msgspec.Struct, frozen=True):
    """A file as it is while it is open."""

    name: str
    size_bytes: int
    mtime_ns: int
    inode: int


class PartialContent(msgspec.Struct, frozen=True):
    """The answer's head, and which bytes of the file are its body.

    With none (`size_bytes` 0) the response is the whole answer.
    """

    response: Response
    start: int = 0
    size_bytes: int = 0


class PreparedFile(NamedTuple):
    """An answer, and the open file that its body is a part of; -1: there is no file."""

    descriptor: int
    content: PartialContent


class FileAnswers(Protocol):
    """The one way on which files leave."""

    async def send(
        self, exchange: Exchange, prepare: Callable[[], PreparedFile], headers: Headers
    ) -> None:
        """Send what `prepare` opens, with more headers; raises `ClientError`.

        `prepare` is called in a thread and raises `ClientError`, or OSError of the disk.
        """
        ...

    async def send_open(self, exchange: Exchange, prepared: PreparedFile, headers: Headers) -> None:
        """Send what is open already, and close it; raises `ClientError`."""
        ...


def answer_file(
    head: RequestHead | None, facts: FileFacts, kind: str, *, always: Headers, whole: Headers = ()
) -> PartialContent:
    """Decide; `head` None: who wants all of it, without conditions.

    `always` goes with every answer that is no error, `whole` where there is a body.
    """
    tag = conditional.entity_tag(facts.size_bytes, facts.mtime_ns, facts.inode)
    modified = facts.mtime_ns // 1_000_000_000
    version: Headers = (
        ("ETag", tag),
        ("Last-Modified", conditional.http_date(modified)),
        ("Accept-Ranges", "bytes"),
        *always,
    )
    headers = (*version, *whole)
    complete = Response(200, content_type=kind, headers=headers)
    if head is None:
        return PartialContent(complete, 0, facts.size_bytes)
    if conditional.precondition_failed(head, tag, modified):
        return PartialContent(error_response(ClientError("The file has changed", 412)))
    if conditional.not_modified(head, tag, modified):
        return PartialContent(Response(304, content_type="", headers=version))
    wanted = head.header("range") if conditional.range_applies(head, tag, modified) else None
    try:
        part = parse_range(wanted, facts.size_bytes)
    except Unsatisfiable:
        return PartialContent(_unsatisfiable(facts))
    if part is None:
        return PartialContent(complete, 0, facts.size_bytes)
    partial = ("Content-Range", part.content_range(facts.size_bytes))
    response = Response(206, content_type=kind, headers=(*headers, partial))
    return PartialContent(response, part.start, part.size_bytes)


def _unsatisfiable(facts: FileFacts) -> Response:
    headers = (("Content-Range", f"bytes */{facts.size_bytes}"),)
    return Response(416, b"416: Range Not Satisfiable\n", "text/plain", headers=headers)
