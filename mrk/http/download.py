"""A download's answer: how a file of a user's folder is named and cached, and what it may not do.

Pure; `transports/transfers/downloads.py` opens the file.
"""

from collections.abc import Sequence

from mrk.http import conditional
from mrk.http.content_type import SAFE_HEADERS, content_type
from mrk.http.disposition import attachment
from mrk.http.file_answer import FileFacts, PartialContent, answer_file
from mrk.http.head import RequestHead
from mrk.http.response import Headers
from mrk.http.urlencoded import NotFields

TEN_YEARS_S = 315_360_000


def download(head: RequestHead, facts: FileFacts, now: float, more: Headers = ()) -> PartialContent:
    """Decide; `now` is wall time in seconds, for `Expires`; `more` goes with what is no error."""
    return answer_file(
        head,
        facts,
        content_type(facts.name),
        always=(*_caching(head, now), *SAFE_HEADERS, *more),
        whole=(("Content-Disposition", attachment(facts.name)),),
    )


def _caching(head: RequestHead, now: float) -> Headers:
    """A `v` in the query names a version: such an address never changes its content."""
    if not any(key == "v" and value for key, value in _query(head)):
        return ()
    return (
        ("Cache-Control", f"max-age={TEN_YEARS_S}"),
        ("Expires", conditional.http_date(now + TEN_YEARS_S)),
    )


def _query(head: RequestHead) -> Sequence[tuple[str, str]]:
    try:
        return head.query
    except NotFields:
        return ()
