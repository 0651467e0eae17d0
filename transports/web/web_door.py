"""Hands connections to the web app, and loads it when the first one comes.

Owned by the root, one instance per generation; each connection runs in the door's task for it
and ends with it.
"""

from collections.abc import Callable
from typing import Protocol

import trio

from mrk.access.address import ProxyRule
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.definitions.limits import Limits
from mrk.http.cors import CorsRules
from mrk.http.head import RequestHead
from mrk.metrics.request_counts import Tally
from mrk.web.landing_page import LandingFacts

Facts = Callable[[], LandingFacts]


class ServeHttp(Protocol):
    """The loaded app on one connection."""

    async def __call__(self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        """Serve until the connection ends."""
        ...


class WebDoor:
    """Pages for people. Each connection ends with its first answer: other paths are not here."""

    def __init__(
        self,
        cors: CorsRules,
        authorizer: RequestAuthorizer,
        facts: Facts,
        limits: Limits,
        *,
        route_prefix: str = "",
        proxies: ProxyRule | None = None,
        answered: Tally | None = None,
    ) -> None:
        self._cors = cors
        self._authorizer = authorizer
        self._facts = facts
        self._limits = limits
        self._prefix = route_prefix
        self._proxies = proxies or ProxyRule()
        self._answered = Tally() if answered is None else answered
        self._loading = trio.Lock()
        self._app: ServeHttp | None = None

    async def handle(self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        """Serve a connection to its end; `buffered` is all that was read of it."""
        app = await self._loaded()
        await app(stream, head, buffered)

    @staticmethod
    def serves(path: str) -> bool:
        """Which paths (behind the route prefix) the web app answers."""
        return path in ("/", "")

    async def _loaded(self) -> ServeHttp:
        async with self._loading:
            if self._app is None:
                # Importing takes 0.5 s and more on a small board; the loop must not wait.
                self._app = await trio.to_thread.run_sync(self._load)
            return self._app

    def _load(self) -> ServeHttp:
        from transports.web.app import Pages, build_app
        from transports.web.http1 import Http1

        pages = Pages(self._cors, self._authorizer, self._facts, self._proxies)
        app = build_app(pages, self._prefix)
        return Http1(app, self._limits, self._answered)
