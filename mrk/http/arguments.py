"""A request's query and body -> the arguments of an endpoint.

Precedence: JSON body over form body over query. What cannot be read is a `ClientError` 400
that names the fault; Moonraker would drop such a body in silence and answer something else.
"""

import re
from collections.abc import Mapping, Sequence

from mrk.api.arguments import hinted_arguments
from mrk.api.endpoint import QueryReader
from mrk.errors import ClientError
from mrk.http import multipart
from mrk.http.head import RequestHead
from mrk.http.urlencoded import MOST_FIELDS, NotFields, fields

Pairs = Sequence[tuple[str, str]]
_BOUNDARY = r'(?i);\s*boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))'
_NULL_BYTES = 100
_MULTIPART = "multipart/form-data"


def query_pairs(head: RequestHead) -> Pairs:
    """The query's pairs; raises 400 for more than 1000 of them."""
    try:
        return head.query
    except NotFields as exc:
        raise ClientError(f"The query has {exc}") from None


def is_json(content_type: str) -> bool:
    """Whether a Content-Type announces JSON."""
    return content_type.lower().startswith("application/json")


def json_text(body: bytes) -> bytes | None:
    """A JSON body that is to be decoded; None for an empty one and for null: no arguments."""
    if not body or body.isspace() or (len(body) < _NULL_BYTES and body.strip() == b"null"):
        return None
    try:
        # Parts that stay text are not looked at any more.
        if not body.isascii():
            body.decode()
    except UnicodeDecodeError as exc:
        raise ClientError(f"The body is not JSON: {exc}") from None
    return body


def form_pairs(content_type: str, body: bytes) -> Pairs:
    """The fields of a form body, files left out; empty for any other kind of body."""
    if _kind(content_type) == "application/x-www-form-urlencoded":
        return _urlencoded(body)
    if is_multipart(content_type):
        return multipart.form_fields(boundary(content_type), body, MOST_FIELDS)
    return []


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type announces a form of several parts, which a library reads."""
    return _kind(content_type) == _MULTIPART


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _urlencoded(body: bytes) -> Pairs:
    try:
        return fields(body)
    except NotFields as exc:
        raise ClientError(f"The form has {exc}") from None


def boundary(content_type: str) -> bytes:
    """The boundary of a multipart body, quoted or not, holding `/` or `=` or not."""
    found = re.search(_BOUNDARY, content_type)
    if found is None:
        raise ClientError("The multipart body names no boundary")
    text: str = found[1] or found[2]
    return text.encode("latin-1")


def merged(
    query: Sequence[tuple[str, str]],
    form: Sequence[tuple[str, str]],
    from_json: Mapping[str, object],
    reader: QueryReader | None,
) -> Mapping[str, object]:
    """All arguments in their precedence; `reader` is the endpoint's own way to read a query."""
    pairs = [*query, *form] if form else query
    if not pairs and (from_json or reader is None):
        return from_json
    arguments = hinted_arguments(pairs) if reader is None else reader(pairs)
    return {**arguments, **from_json} if from_json else arguments


def connection_id(query: Sequence[tuple[str, str]], form: Sequence[tuple[str, str]]) -> int | None:
    """The websocket that a request acts for (query or form, last one wins), None without."""
    given = [text for key, text in (*query, *form) if key == "connection_id"]
    if not given:
        return None
    text = given[-1].strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ClientError("Argument 'connection_id' must be a number")
    return int(text)
