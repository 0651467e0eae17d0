"""The Quart-Trio app: pages for people.

Built once per generation in a thread (`web_door.py`), run by `http1.py` in each connection's
task. Quart's own limits are off: `mrk/definitions/limits.py` rules here as everywhere.
"""

from collections.abc import Callable
from typing import Any, cast

import trio
from quart import Response as QuartResponse
from quart import request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from mrk.access.address import ProxyRule
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.errors import ClientError
from mrk.http.cors import CorsRules
from mrk.http.head import RequestHead
from mrk.http.response import Response, error_response
from mrk.web.landing_page import CONTENT_SECURITY_POLICY, LandingFacts, landing_page


class Pages:
    """What the app answers."""

    def __init__(
        self,
        cors: CorsRules,
        authorizer: RequestAuthorizer,
        facts: Callable[[], LandingFacts],
        proxies: ProxyRule,
    ) -> None:
        self._cors = cors
        self._authorizer = authorizer
        self._facts = facts
        self._proxies = proxies

    async def landing(self) -> QuartResponse:
        """The landing page; always 200."""
        head = self._head()
        decision = self._authorizer.decide(head, changing=False)
        page = landing_page(self._facts(), decision, head.address)
        response = QuartResponse(page, 200, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    async def add_cors(self, response: QuartResponse) -> QuartResponse:
        """What a page of another origin needs to read the answer."""
        for name, value in self._cors.headers(self._head().header("origin")):
            response.headers.setdefault(name, value)
        return response

    def _head(self) -> RequestHead:
        """The head of the request that this task answers."""
        scope = cast("dict[str, Any]", request.scope)
        headers = [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]]
        peer = scope["client"][0]
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        client = self._proxies.client(peer, scope["scheme"] == "https", headers)
        return RequestHead(scope["method"], target, scope["http_version"], headers, peer, *client)


def _quart_response(response: Response) -> QuartResponse:
    # ASGI has no reason phrases: a client reads the message in the body.
    answer = QuartResponse(response.body, response.status)
    answer.headers.pop("Content-Type", None)
    if response.content_type:
        answer.headers["Content-Type"] = response.content_type
    for name, value in response.headers:
        answer.headers.add(name, value)
    return answer


async def _on_error(error: Exception) -> QuartResponse:
    """Errors of the app as JSON, as the API's."""
    await trio.lowlevel.checkpoint()  # async at all because Quart runs what is not in a thread
    if not isinstance(error, HTTPException):
        return _quart_response(error_response(ClientError("Internal Server Error", 500)))
    answer = error_response(ClientError(error.name, error.code or 500))
    allow = [(name, value) for name, value in error.get_headers() if name == "Allow"]
    return _quart_response(answer.with_headers(allow))


def build_app(pages: Pages, route_prefix: str) -> QuartTrio:
    """The app, without any limit of Quart's own."""
    app = QuartTrio("mrk", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = None
    app.config["BODY_TIMEOUT"] = None
    app.config["RESPONSE_TIMEOUT"] = None
    app.url_map.merge_slashes = False  # no redirects that nobody asked for
    app.url_map.strict_slashes = False
    app.after_request(pages.add_cors)
    app.add_url_rule(f"{route_prefix}/", "landing", pages.landing, methods=["GET"])
    app.register_error_handler(HTTPException, _on_error)
    app.register_error_handler(500, _on_error)
    return app
