"""Paths whose requests or answers are streamed: who has them, and what they are given.

Uploads and downloads are such paths, and so is what an optional subsystem adds to the door. One
instance per generation; asked for each request by its head alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from mrk.access.request_authorizer import RequestAuthorizer
from mrk.definitions.limits import Limits
from mrk.http.cors import CorsRules
from mrk.http.exchange import Transfer
from mrk.http.file_answer import FileAnswers
from mrk.http.head import RequestHead
from mrk.metrics.request_counts import Tally

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute


class StreamedPaths(Protocol):
    """Asked for what the API's table does not have."""

    def verbs(self, path: str) -> Sequence[str]:
        """What is answered at a path behind the route prefix; empty for paths of others."""
        ...

    def begin(self, head: RequestHead) -> Transfer | None:
        """Who serves the request, None when it is somebody else's.

        Whoever serves it decides itself what the client may do (`DoorRules.authorizer`).
        """
        ...

    def declared(self) -> "Sequence[DoorRoute]":
        """What documents tell of all this; made when it is asked for, in any thread."""
        ...


class Kept(Protocol):
    """A connection that is served on after the call that served it has returned."""

    # Called once, with the stream that was handed on, when that may be closed.
    when_over: Callable[[Any], None]


# Takes the stream, the head, and all bytes read so far, the head's included; the connection ends
# when it returns, unless it returns that it keeps it. The stream is trio's.
HandOn = Callable[[Any, RequestHead, bytes], Awaitable[Kept | None]]


@runtime_checkable
class UpgradePaths(Protocol):
    """Streamed paths that also take websockets, to pass them on."""

    def upgrade(self, head: RequestHead) -> HandOn | None:
        """Who serves a handshake, None when it is somebody else's.

        Whoever serves it decides itself about origin and client, and answers.
        """
        ...


class FallbackPaths(Protocol):
    """Asked for what nobody else has, save for the page at `/`: front ends.

    `path` is behind the route prefix, `*` outside of it; `head.path` is the whole one.
    """

    def has(self, head: RequestHead, path: str) -> bool:
        """Whether GET is answered at a path."""
        ...

    def begin(self, head: RequestHead, path: str) -> Transfer | None:
        """Who serves the request; as of `StreamedPaths`."""
        ...


class DoorRules(msgspec.Struct, frozen=True):
    """What holds for every request that comes through the TCP door.

    `files` sends files; `serves_https` says whether a port is served with TLS now.
    `answered` counts what is answered to handshakes.
    """

    authorizer: RequestAuthorizer
    cors: CorsRules
    limits: Limits
    route_prefix: str
    files: FileAnswers
    serves_https: Callable[[int], bool]
    answered: Tally = msgspec.field(default_factory=Tally)


# Made by a subsystem before the door is.
StreamedFactory = Callable[[DoorRules], StreamedPaths]
FallbackFactory = Callable[[DoorRules], FallbackPaths]
