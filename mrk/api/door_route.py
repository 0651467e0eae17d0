"""What documents tell of a route of the TCP door that is no endpoint.

That is what streams (uploads, downloads, events, websockets, cameras), JSON-RPC in a body, and the
redirect. Declared beside the transport that serves it, in a `declarations.py` which is imported
when somebody asks for a document; nothing at run time reads it.
"""

from typing import Any, Literal

import msgspec

from mrk.api.endpoint import Access


class Parameter(msgspec.Struct, frozen=True):
    """In query or head; a name that the path captures is one of the path, and required."""

    name: str
    summary: str
    where: Literal["query", "header"] = "query"
    kind: Any = str


class Content(msgspec.Struct, frozen=True):
    """A body: its media type and the type of what is in it; `bytes`: just bytes."""

    media_type: str
    kind: Any = bytes


class Answer(msgspec.Struct, frozen=True):
    """What comes when it went well; `headers` are names, and what each says."""

    status: int
    summary: str
    content: tuple[Content, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


class DoorRoute(msgspec.Struct, frozen=True):
    """`path` has captures as an endpoint's (`{name}`, `{name...}`), without the route prefix.

    `errors` are the statuses of answers that hold an error; 401 is added where not everybody may.
    """

    path: str
    verbs: tuple[str, ...]
    summary: str
    access: Access
    answers: tuple[Answer, ...]
    errors: tuple[int, ...]
    parameters: tuple[Parameter, ...] = ()
    body: tuple[Content, ...] = ()
