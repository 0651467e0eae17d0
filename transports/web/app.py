"""The Quart-Trio app: the landing page, and the API on connections that stayed with it.

Built once per generation in a thread (`web_door.py`), run by `http1.py` in each connection's
task. Quart's own limits are off: `mrk/definitions/limits.py` rules here as everywhere.
"""

import inspect
from typing import Any, cast

import trio
from quart import Response as QuartResponse
from quart import request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from mrk.access.address import ProxyRule
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.definitions.limits import Limits
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.http.response import Response, error_response
from mrk.web.landing_page import CONTENT_SECURITY_POLICY, landing_page
from transports.web.api_routes import Facts, LookUpNames, WebApiRequest, WebApiRoutes

# As in the door: less than this within the idle limit is no progress.
_PROGRESS_BYTES = 8 * 1024


class Pages:
    """What the app answers; every request passes `api_first`, judged as the door judges it."""

    def __init__(
        self,
        api: WebApiRoutes,
        authorizer: RequestAuthorizer,
        facts: Facts,
        limits: Limits,
        proxies: ProxyRule,
        look_up_names: LookUpNames | None,
    ) -> None:
        self._api = api
        self._authorizer = authorizer
        self._facts = facts
        self._limits = limits
        self._proxies = proxies
        self._look_up_names = look_up_names

    async def api_first(self) -> QuartResponse | None:
        """Answer API calls and refusals; None lets Quart's routes go on with the request."""
        head = self._head()
        if self._look_up_names is not None:
            await self._look_up_names(head.address)
        call = self._api.begin(head)
        if call is None:
            return None
        if isinstance(call, Response):
            return _quart_response(call)
        try:
            answer = call.run(await self._body(call))
        except ClientError as exc:
            return _quart_response(error_response(exc))
        response = await answer if inspect.isawaitable(answer) else answer
        assert isinstance(response, Response)
        return _quart_response(response)

    async def landing(self) -> QuartResponse:
        """The landing page; always 200."""
        head = self._head()
        decision = self._authorizer.judge(head, changing=False)
        page = landing_page(self._facts(), decision, head.address)
        response = QuartResponse(page, 200, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    async def add_cors(self, response: QuartResponse) -> QuartResponse:
        """Pages of the app itself; the API's answers carry theirs already."""
        for name, value in self._api.cors_headers(self._head()):
            response.headers.setdefault(name, value)
        return response

    async def _body(self, call: WebApiRequest) -> bytes:
        """The request's body; raises 413 and 408 as the door does."""
        too_large = ClientError(f"The request's body is larger than {call.body_bytes} bytes", 413)
        if (request.content_length or 0) > call.body_bytes:
            raise too_large
        body = bytearray()
        chunks = aiter(request.body)
        deadline, counted = trio.current_time() + self._limits.body_idle_s, 0
        while True:
            with trio.CancelScope(deadline=deadline) as scope:
                chunk = await anext(chunks, None)
            if scope.cancelled_caught:
                raise ClientError("The request's body did not arrive in time", 408)
            if chunk is None:
                return bytes(body)
            body += chunk
            if len(body) > call.body_bytes:
                raise too_large
            if len(body) - counted >= _PROGRESS_BYTES:
                deadline, counted = trio.current_time() + self._limits.body_idle_s, len(body)

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
    # ASGI has no reason phrases: on these connections a client reads the message in the body.
    answer = QuartResponse(response.body, response.status)
    answer.headers.pop("Content-Type", None)
    if response.content_type:
        answer.headers["Content-Type"] = response.content_type
    for name, value in response.headers:
        answer.headers.add(name, value)
    return answer


async def _on_error(error: Exception) -> QuartResponse:
    """Errors of the app itself as JSON; the API's own never come here."""
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
    app.before_request(pages.api_first)
    app.after_request(pages.add_cors)
    app.add_url_rule(f"{route_prefix}/", "landing", pages.landing, methods=["GET"])
    app.register_error_handler(HTTPException, _on_error)
    app.register_error_handler(500, _on_error)
    return app
