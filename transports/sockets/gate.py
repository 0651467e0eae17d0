"""Who may open a websocket: handshake, origin and number of connections, primary and bridge alike.

One instance per generation, shared by both. Refusals are answered as JSON before the door closes.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

import trio

from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.limits import Limits
from mrk.websocket.handshake import accept_upgrade, refusal, same_origin

logger = logging.getLogger(__name__)
Authorize = Callable[[RequestHead], bool]
OriginAllowed = Callable[[str, RequestHead], bool]


class Gate:
    """`authorize` judges a handshake's credentials, `origin_allowed` applies the CORS rule."""

    def __init__(self, limits: Limits, authorize: Authorize, origin_allowed: OriginAllowed) -> None:
        self.authorize = authorize
        self._limits = limits
        self._origin_allowed = origin_allowed
        self._seats = 0

    @property
    def connections(self) -> int:
        """Websockets open now, primary and bridge together."""
        return self._seats

    def judge(self, head: RequestHead) -> bytes:
        """Return the 101 response; raises `ClientError` 400, 403, 426 or 503."""
        response = accept_upgrade(head)
        if not same_origin(head) and not self._origin_allowed(head.header("origin") or "", head):
            raise ClientError("Origin not allowed", 403)
        if self._seats >= self._limits.websockets:
            raise ClientError(f"All {self._limits.websockets} websocket connections are taken", 503)
        return response

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """Count as a connection while inside."""
        self._seats += 1
        try:
            yield
        finally:
            self._seats -= 1

    async def refuse(self, stream: trio.abc.Stream, head: RequestHead, error: ClientError) -> None:
        """Answer a handshake that failed; a client that does not read it is left."""
        logger.info("websocket from %s refused: %s", head.address, error.message)
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            with trio.move_on_after(self._limits.send_s):
                await stream.send_all(refusal(error))
