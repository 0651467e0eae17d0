"""Conditional requests (RFC 9110, section 13): what a client has already, and wants or not.

Times in whole seconds since 1970, as HTTP dates count.
"""

import re

from mrk.http.head import RequestHead

# The years that dates of HTTP can name; a file system keeps others, after a clock that was wrong.
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'


def entity_tag(size_bytes: int, mtime_ns: int, inode: int) -> str:
    """A strong tag: it changes when the file is written or replaced."""
    return f'"{mtime_ns:x}-{size_bytes:x}-{inode:x}"'


def http_date(seconds: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT`; beyond the years 1 to 9999 the nearest of them."""
    from email.utils import formatdate  # not before it is needed: 0.3 MB

    return formatdate(min(max(seconds, _FIRST), _LAST), usegmt=True)


def parse_http_date(text: str | None) -> int | None:
    """Seconds since 1970; None for anything that is no date. One that names no zone is GMT."""
    if not text or len(text) > 64:
        return None
    from calendar import timegm
    from email.utils import parsedate_to_datetime

    try:
        return timegm(parsedate_to_datetime(text).utctimetuple())
    except (ValueError, TypeError, OverflowError):
        return None


def precondition_failed(head: RequestHead, tag: str, modified: int) -> bool:
    """Whether the client wants another version than this one: 412."""
    wanted = head.header_values("if-match")
    if wanted:
        return not _matches(wanted, tag, weak=False)
    since = parse_http_date(head.header("if-unmodified-since"))
    return since is not None and modified > since


def not_modified(head: RequestHead, tag: str, modified: int) -> bool:
    """Whether the client has this version: 304. A tag counts before a date."""
    known = head.header_values("if-none-match")
    if known:
        return _matches(known, tag, weak=True)
    since = parse_http_date(head.header("if-modified-since"))
    return since is not None and modified <= since


def range_applies(head: RequestHead, tag: str, modified: int) -> bool:
    """Whether a range is of the version that the client has a part of (If-Range)."""
    condition = head.header("if-range")
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == tag
    return parse_http_date(condition) == modified


def _matches(values: list[str], tag: str, *, weak: bool) -> bool:
    text = ",".join(values)
    if text.strip() == "*":
        return True
    found: list[str] = re.findall(_TAG, text)
    return tag in ((t.removeprefix("W/") for t in found) if weak else found)
