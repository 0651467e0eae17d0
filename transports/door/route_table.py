"""Who answers a request: one table for upgrades, the API, what is streamed, and pages.

Asked by the connection for each request, by its head alone; nobody's body is read before. The
order is fixed: a websocket's path, the API's own paths, paths of what streams bodies (uploads and
downloads), pages with a path of their own, front ends, the page at `/`. What nobody has is refused
here. One instance per generation; no I/O.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from mrk.access.request_authorizer import RequestAuthorizer
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.http.exchange import Transfer
from mrk.http.head import READING, RequestHead
from mrk.http.response import Headers, Response, error_response
from mrk.http.streamed_paths import FallbackPaths, HandOn, StreamedPaths, UpgradePaths
from transports.door.api_http import ApiCall, ApiHttp

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute

# What pages have only where no front end has it.
_ROOT = ("", "/")


class Upgrade(msgspec.Struct, frozen=True):
    """A websocket handshake, answered by `serve`."""

    serve: HandOn


class Streamed(msgspec.Struct, frozen=True):
    """Bytes in or out on the connection, which goes on afterwards."""

    serve: Transfer


Route = ApiCall | Response | Streamed | Upgrade


class PagePaths(Protocol):
    """Pages (`transports/web/pages.py`)."""

    def serves(self, path: str) -> bool:
        """Which paths (behind the route prefix) are pages."""
        ...

    def begin(self, path: str) -> Transfer:
        """Who serves a request for one of them."""
        ...


class RouteTable:
    """`upgrades` are websockets by path, without the route prefix; who streams may take others."""

    def __init__(
        self,
        api: ApiHttp,
        authorizer: RequestAuthorizer,
        pages: PagePaths,
        *,
        upgrades: Mapping[str, HandOn],
        streamed: Sequence[StreamedPaths] = (),
        fallbacks: Sequence[FallbackPaths] = (),
    ) -> None:
        self._api = api
        self._authorizer = authorizer
        self._pages = pages
        self.upgrades = upgrades
        self._streamed = streamed
        self._upgrading = [one for one in streamed if isinstance(one, UpgradePaths)]
        self._fallbacks = fallbacks

    def find(self, head: RequestHead, *, upgrade: bool = False) -> Route:
        """The route of a request; a `Response` refuses it (401, 404, 405) or is a preflight's."""
        path = self._api.local_path(head)
        if upgrade and path in self.upgrades:
            return Upgrade(self.upgrades[path])
        if upgrade:
            for streamed in self._upgrading:
                serve = streamed.upgrade(head)
                if serve is not None:
                    return Upgrade(serve)
        if head.method == "OPTIONS":
            return self._preflight(head, path)
        try:
            return self._api.accept(head, path)
        except ClientError as exc:
            if exc.status not in (404, 405):
                return self._api.refusal(head, exc)
            return self._elsewhere(head, path, exc)

    def _elsewhere(self, head: RequestHead, path: str, error: ClientError) -> Route:
        """What is not the API's; those who may read nothing do not learn what there is not."""
        if head.method in self.streamed_verbs(path):
            for streamed in self._streamed:
                transfer = streamed.begin(head)
                if transfer is not None:
                    return Streamed(transfer)
        if error.status == 404:
            found = self._shown(head, path)
            if found is not None:
                return found
        try:
            self._authorizer.admit(head, Role.VIEW)
        except ClientError as exc:
            return self._api.refusal(head, exc)
        if self.streamed_verbs(path) or (error.status == 404 and self._is_shown(head, path)):
            error = ClientError("Method Not Allowed", 405)
        allow: Headers = (("Allow", self._allow(head, path)),) if error.status == 405 else ()
        return self._api.refusal(head, error).with_headers(allow)

    def _shown(self, head: RequestHead, path: str) -> Route | None:
        """What people look at: a page, or a front end's file."""
        is_page = self._pages.serves(path)
        if not is_page or path in _ROOT:
            for fallback in self._fallbacks:
                transfer = fallback.begin(head, path)
                if transfer is not None:
                    return Streamed(transfer)
        return Streamed(self._pages.begin(path)) if is_page and head.method in READING else None

    def _is_shown(self, head: RequestHead, path: str) -> bool:
        return self._pages.serves(path) or any(
            fallback.has(head, path) for fallback in self._fallbacks
        )

    def declared(self) -> "list[DoorRoute]":
        """What documents tell of what is no endpoint; pages and front ends are for people."""
        from transports.door.declarations import SPECIAL

        special = [SPECIAL[path] for path in self._api.special_paths()]
        return special + [route for streamed in self._streamed for route in streamed.declared()]

    def streamed_verbs(self, path: str) -> list[str]:
        """What is answered with a stream at a path behind the route prefix."""
        verbs = [verb for streamed in self._streamed for verb in streamed.verbs(path)]
        # A name that the API itself has is no file's: `/server/files/move` answers POST alone.
        return [verb for verb in verbs if verb not in READING] if self._api.has(path) else verbs

    def _verbs(self, path: str) -> list[str]:
        return sorted({*self._api.verbs(path), *self.streamed_verbs(path)})

    def _allow(self, head: RequestHead, path: str) -> str:
        verbs = self._verbs(path) or (["GET"] if self._is_shown(head, path) else [])
        if path in self._api.special_paths() or verbs != ["GET"]:
            return ", ".join([*verbs, "OPTIONS"])
        return "GET, HEAD, OPTIONS"

    def _preflight(self, head: RequestHead, path: str) -> Response:
        if not self._verbs(path) and not self._is_shown(head, path):
            return self._api.refusal(head, ClientError("Not Found", 404))
        headers = self._api.preflight_headers(head)
        if not headers:
            error = error_response(ClientError("Method Not Allowed", 405))
            return error.with_headers((("Allow", self._allow(head, path)),))
        return Response(204, content_type="", headers=headers)
