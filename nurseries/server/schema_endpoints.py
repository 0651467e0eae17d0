"""The API's own documents: /server/openapi.json, /server/openrpc.json, and rpc.discover.

Made of what this generation offers, in a thread, when first asked for; kept compressed (some
30 kB each), because explorers ask again and again.
"""

import zlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import trio

from mrk.api.caller import SOCKETS, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from mrk.api.notification import NotificationKind
from mrk.api.table import Method
from mrk.http.response import Response

# Makes the document of all methods; blocks for some 0.1 s.
Make = Callable[[Iterable[Method], list[NotificationKind]], dict[str, Any]]


class Documents:
    """`methods` are the generation's; `notifications` finds those that it may send."""

    def __init__(
        self, methods: Iterable[Method], notifications: Callable[[], list[NotificationKind]]
    ) -> None:
        self._methods = methods
        self._notifications = notifications
        self._making = trio.Lock()
        self._made: dict[str, tuple[frozenset[str], bytes]] = {}

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/server/openapi.json",
                self.openapi,
                "The OpenAPI document of this server, not wrapped in a result.",
                Access.VIEW,
                rpc=None,
            ),
            get(
                "/server/openrpc.json",
                self.openrpc,
                "The OpenRPC document of this server, not wrapped in a result.",
                Access.VIEW,
                rpc=None,
            ),
            get(
                "/rpc/discover",
                self.discover,
                "The OpenRPC document of this server.",
                Access.VIEW,
                result=dict[str, Any],
                http=False,
                transports=SOCKETS,
            ),
        ]

    async def openapi(self, _params: NoParams, _caller: Caller) -> Response:
        """The document as it is, for tools that read addresses."""
        return Response(200, await self._document("openapi"))

    async def openrpc(self, _params: NoParams, _caller: Caller) -> Response:
        """As `openapi`."""
        return Response(200, await self._document("openrpc"))

    async def discover(self, _params: NoParams, _caller: Caller) -> msgspec.Raw:
        """OpenRPC's own method."""
        return msgspec.Raw(await self._document("openrpc"))

    async def _document(self, kind: str) -> bytes:
        async with self._making:
            methods = list(self._methods)
            # Klipper's own endpoints join when it is connected.
            offered = frozenset(method.rpc or method.endpoint.path for method in methods)
            known = self._made.get(kind)
            if known is None or known[0] != offered:
                make = partial(_compressed, kind, methods, self._notifications)
                known = self._made[kind] = offered, await trio.to_thread.run_sync(make)
        return await trio.to_thread.run_sync(zlib.decompress, known[1])


def _compressed(
    kind: str, methods: list[Method], notifications: Callable[[], list[NotificationKind]]
) -> bytes:
    # Imported here: 0.4 MB that most daemons never need.
    from mrk.api import schema

    make: Make = getattr(schema, kind)
    return zlib.compress(msgspec.json.encode(make(methods, notifications())))
