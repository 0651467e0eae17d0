"""The API's own documents: /server/openapi.json, /server/openrpc.json, and rpc.discover.

Made of what this generation offers, in a thread, when first asked for; kept compressed (some
30 kB each), because explorers ask again and again.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from mrk.api.caller import SOCKETS, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from mrk.api.notification import NotificationKind
from mrk.api.table import Method
from mrk.http.response import Response

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute


class Documents:
    """`methods` are the generation's; `notifications` finds those that it may send.

    `routes` gives those that are no endpoints; both are called in a thread.
    """

    def __init__(
        self,
        methods: Iterable[Method],
        notifications: Callable[[], list[NotificationKind]],
        routes: "Callable[[], Sequence[DoorRoute]]" = list,
    ) -> None:
        self._methods = methods
        self._notifications = notifications
        self._routes = routes
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
                make = partial(self._compressed, kind, methods)
                known = self._made[kind] = offered, await trio.to_thread.run_sync(make)
        return await trio.to_thread.run_sync(zlib.decompress, known[1])

    def _compressed(self, kind: str, methods: list[Method]) -> bytes:
        """Blocks for some 0.1 s."""
        # Imported here: 0.4 MB that most daemons never need.
        from mrk.api import schema

        document = schema.document(kind, methods, self._notifications(), self._routes())
        return zlib.compress(msgspec.json.encode(document))
