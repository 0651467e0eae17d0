"""What the web app needs of the API: the routes that are not its own, and the page's facts.

Types only; `transports/api_http.py` and the assembly stand behind them.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mrk.http.head import RequestHead
from mrk.http.response import Headers, Response
from mrk.web.landing_page import LandingFacts

LookUpNames = Callable[[str], Awaitable[None]]
Facts = Callable[[], LandingFacts]


class WebApiRequest(Protocol):
    """An accepted API request (`transports/api_http.py`)."""

    body_bytes: int

    def run(self, body: bytes) -> object:
        """Answer it: a `Response`, or a coroutine of one."""
        ...


class WebApiRoutes(Protocol):
    """Judges requests by their heads; None means that the web app answers."""

    def begin(self, head: RequestHead) -> WebApiRequest | Response | None:
        """Accept, refuse or leave."""
        ...

    def local_path(self, head: RequestHead) -> str:
        """The path behind the route prefix."""
        ...

    def cors_headers(self, head: RequestHead) -> Headers:
        """What every answer carries for the request's origin."""
        ...
