"""A download's answer by the request's head and the file's facts: whole, a part, or none.

Pure; `transports/transfers/downloads.py` opens the file and sends what is decided here.
"""

import msgspec

from mrk.errors import ClientError
from mrk.http import conditional
from mrk.http.content_type import SAFE_HEADERS, content_type
from mrk.http.disposition import attachment
from mrk.http.head import RequestHead
from mrk.http.ranges import Unsatisfiable, parse_range
from mrk.http.response import Headers, Response, error_response

TEN_YEARS_S = 315_360_000


class FileFacts(msgspec.Struct, frozen=True):
    """A file as it is while it is open."""

    name: str
    size_bytes: int
    mtime_ns: int
    inode: int


class PartialContent(msgspec.Struct, frozen=True):
    """The answer's head, and which bytes of the file are its body (none: `size_bytes` 0)."""

    response: Response
    start: int = 0
    size_bytes: int = 0


def download(head: RequestHead, facts: FileFacts, now: float) -> PartialContent:
    """Decide; `now` is wall time in seconds, for `Expires`."""
    tag = conditional.entity_tag(facts.size_bytes, facts.mtime_ns, facts.inode)
    modified = facts.mtime_ns // 1_000_000_000
    version: Headers = (
        ("ETag", tag),
        ("Last-Modified", conditional.http_date(modified)),
        ("Accept-Ranges", "bytes"),
        *_caching(head, now),
    )
    if conditional.precondition_failed(head, tag, modified):
        return PartialContent(error_response(ClientError("The file has changed", 412)))
    if conditional.not_modified(head, tag, modified):
        return PartialContent(Response(304, content_type="", headers=(*version, *SAFE_HEADERS)))
    wanted = head.header("range") if conditional.range_applies(head, tag, modified) else None
    try:
        part = parse_range(wanted, facts.size_bytes)
    except Unsatisfiable:
        return PartialContent(_unsatisfiable(facts))
    kind = content_type(facts.name)
    headers = (*version, *SAFE_HEADERS, ("Content-Disposition", attachment(facts.name)))
    if part is None:
        return PartialContent(
            Response(200, content_type=kind, headers=headers), 0, facts.size_bytes
        )
    partial = ("Content-Range", part.content_range(facts.size_bytes))
    response = Response(206, content_type=kind, headers=(*headers, partial))
    return PartialContent(response, part.start, part.size_bytes)


def _unsatisfiable(facts: FileFacts) -> Response:
    headers = (("Content-Range", f"bytes */{facts.size_bytes}"),)
    return Response(416, b"416: Range Not Satisfiable\n", "text/plain", headers=headers)


def _caching(head: RequestHead, now: float) -> Headers:
    """A `v` in the query names a version: such an address never changes its content."""
    if not any(key == "v" and value for key, value in _query(head)):
        return ()
    return (
        ("Cache-Control", f"max-age={TEN_YEARS_S}"),
        ("Expires", conditional.http_date(now + TEN_YEARS_S)),
    )


def _query(head: RequestHead) -> list[tuple[str, str]]:
    try:
        return head.query
    except ValueError:  # too many fields
        return []
