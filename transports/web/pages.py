"""The page of our own at the TCP door: who sees what, and where its scripts are.

Anybody may see the page, as it holds no secrets: what it shows comes through the API, by the
caller's own rights. One instance per generation; each request runs in its connection's task.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import trio

from mrk.access.request_authorizer import RequestAuthorizer
from mrk.errors import ClientError
from mrk.http.cors import CorsRules
from mrk.http.encodings import accepted
from mrk.http.exchange import Exchange, Transfer
from mrk.http.head import RequestHead
from mrk.http.response import Headers, Response, error_response
from mrk.web.page_messages import PageAnswer, PageFacts, PageRequest, view_of
from transports.web.page_scripts import PageScripts

PREFIX = "/mrk"
_STATIC = f"{PREFIX}/static/"

Facts = Callable[[], Awaitable[PageFacts]]
Render = Callable[[PageRequest], Awaitable[PageAnswer]]


class PageRendering(Protocol):
    """Who renders pages (`renderer.py`)."""

    async def render(self, request: PageRequest) -> PageAnswer:
        """Raises `ClientError` 503."""
        ...

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None: ...


class Pages:
    """`facts` are shown to those who may look; `has_front_end`: `/` is somebody else's."""

    def __init__(
        self,
        cors: CorsRules,
        authorizer: RequestAuthorizer,
        facts: Facts,
        render: Render,
        *,
        route_prefix: str = "",
        has_front_end: bool = False,
    ) -> None:
        self._cors = cors
        self._authorizer = authorizer
        self._facts = facts
        self._render = render
        self._prefix = route_prefix
        self._has_front_end = has_front_end
        self._static = PageScripts()

    @staticmethod
    def serves(path: str) -> bool:
        """Which paths (behind the route prefix) are the page's."""
        return path in ("/", "", PREFIX, f"{PREFIX}/") or path.startswith(_STATIC)

    def begin(self, path: str) -> Transfer:
        """Who serves a request for one of them."""
        return partial(self._serve, path)

    async def _serve(self, path: str, exchange: Exchange) -> None:
        head = exchange.head
        try:
            await exchange.skip()
            response = await self._answer(path, head)
        except ClientError as exc:
            response = error_response(exc)
        await exchange.answer(response.with_headers(self._cors.headers(head.header("origin"))))

    async def _answer(self, path: str, head: RequestHead) -> Response:
        taken = accepted(head.header_values("accept-encoding"))
        gzip = any(coding == "gzip" for coding, _suffix in taken)
        if path.startswith(_STATIC):
            return await self._file(path.removeprefix(_STATIC), gzip)
        if path == PREFIX:
            return Response(308, content_type="", headers=(("Location", f"{self._prefix}{path}/"),))
        return await self._page(head, gzip)

    async def _file(self, name: str, gzip: bool) -> Response:
        version, _, name = name.partition("/")
        # What an older page asks for is gone: its scripts do not fit those of today.
        current = version == await self._static.version()
        answer = await self._static.answer(name, gzip=gzip) if current else None
        if answer is None:
            raise ClientError("Not Found", 404)
        return answer

    async def _page(self, head: RequestHead, gzip: bool) -> Response:
        decision = self._authorizer.decide(head, changing=False)
        view = view_of(
            await self._facts(),
            decision,
            head.address,
            prefix=self._prefix,
            static=f"{self._prefix}{_STATIC}{await self._static.version()}",
            has_front_end=self._has_front_end,
        )
        answer = await self._render(PageRequest(f"{PREFIX}/", view, gzip))
        return _response(answer)


def _response(answer: PageAnswer) -> Response:
    headers: Headers = [
        (name, value)
        for name, value in answer.headers
        if name.lower() not in ("content-type", "content-length")
    ]
    types = [value for name, value in answer.headers if name.lower() == "content-type"]
    return Response(answer.status, answer.body, "".join(types[:1]), headers=headers)
