"""Request -> response for API endpoints, without a web framework.

The route table asks it first for every request that is no websocket handshake; no I/O happens
here. One instance per generation.

What a client that leaves in mid-request gets: a pure GET is given up (`ends_with_client`),
everything else, a running `gcode/script` above all, goes on to its end.
"""

from collections.abc import Callable, Collection, Mapping

from mrk.access.decision import Decision
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.api.caller import Caller, Transport
from mrk.api.json_arguments import decode_object
from mrk.api.large_result import Join, LargeResult, join_here
from mrk.api.outcome import Outcome
from mrk.api.perform import perform
from mrk.api.rpc import Rpc
from mrk.api.table import Method, Table
from mrk.clients.registry import Clients
from mrk.definitions.limits import ARGUMENTS_BYTES, Limits
from mrk.errors import ClientError
from mrk.http import arguments
from mrk.http.cors import CorsRules
from mrk.http.head import RequestHead
from mrk.http.response import Headers, Response, error_response, result_response

RPC_PATH = "/server/jsonrpc"
REDIRECT_PATH = "/server/redirect"
_SPECIAL = {RPC_PATH: "POST", REDIRECT_PATH: "GET"}
# What a caller without access may send to the few endpoints that are open (log-in, JSON-RPC).
UNAUTHORIZED_BODY_BYTES = 64 * 1024

Answer = Outcome[Response]
Handler = Callable[[bytes], Answer]


class ApiCall:
    """One accepted request that may still have a body.

    `body_bytes` bounds the body; without `takes_body` it says nothing. `authorized` says whether
    the caller may do anything. `verbs` are those that the path answers, None when the call goes on
    without its client whatever they are.
    """

    __slots__ = ("_handler", "_headers", "_verbs", "authorized", "body_bytes", "takes_body")

    def __init__(
        self,
        handler: Handler,
        headers: Headers,
        body_bytes: int,
        verbs: Callable[[], list[str]] | None = None,
        *,
        authorized: bool,
        takes_body: bool = True,
    ) -> None:
        self.authorized = authorized
        self.takes_body = takes_body
        self._handler = handler
        self._headers = headers
        self.body_bytes = body_bytes
        self._verbs = verbs

    @property
    def ends_with_client(self) -> bool:
        """Whether the answer is worth nothing once the client has gone.

        Klippy's own endpoints answer GET and POST alike; what they began must go on.
        """
        return self._verbs is not None and self._verbs() == ["GET"]

    def run(self, body: bytes) -> Answer:
        """Answer the request; later when the endpoint's handler is async."""
        try:
            answer = self._handler(body)
        except ClientError as exc:
            answer = Outcome(error_response(exc))
        return answer.then(self._with_headers) if self._headers else answer

    def _with_headers(self, response: Response) -> Response:
        return response.with_headers(self._headers)


class ApiHttp:
    """The API over HTTP.

    `authorizer` decides about a request by its head; `route_prefix` is empty or `/name`; `join`
    puts large answers together.
    """

    def __init__(
        self,
        table: Table,
        rpc: Rpc,
        clients: Clients,
        authorizer: RequestAuthorizer,
        cors: CorsRules,
        limits: Limits,
        *,
        route_prefix: str = "",
        join: Join = join_here,
    ) -> None:
        self._table = table
        self._rpc = rpc
        self._clients = clients
        self._authorizer = authorizer
        self._cors = cors
        self._limits = limits
        self._prefix = route_prefix
        self._join = join

    def local_path(self, head: RequestHead) -> str:
        """The path behind the route prefix: empty for the bare prefix, `*` outside of it."""
        path = head.path
        if not self._prefix:
            return path
        if path != self._prefix and not path.startswith(self._prefix + "/"):
            return "*"
        return path[len(self._prefix) :]

    def refusal(self, head: RequestHead, error: ClientError) -> Response:
        """An error answer with what the request's origin needs to read it."""
        return error_response(error).with_headers(self.cors_headers(head))

    def cors_headers(self, head: RequestHead) -> Headers:
        """What every answer carries for the request's origin; empty when that is not allowed."""
        return self._cors.headers(head.header("origin"))

    def accept(self, head: RequestHead, path: str) -> ApiCall | Response:
        """Decide about a request by its head alone; `path` is behind the route prefix.

        Raises `ClientError`: 404 and 405 for what is not the API's, 401 and 403 for callers.
        """
        if path in _SPECIAL:
            return self._accept_special(head, path)
        method = self._route(head.method, path)
        decision = self._authorizer.admit(head, method.endpoint.access.role)
        return ApiCall(
            lambda body: self._call(head, method, decision, body),
            self.cors_headers(head),
            self._body_limit(decision, large=method.endpoint.large),
            lambda: self._table.verbs(path),
            authorized=decision.authorized,
            # An emergency stop waits for nothing.
            takes_body=method.endpoint.urgent is not True,
        )

    def has(self, path: str) -> bool:
        """Whether an endpoint has that very path, without captures."""
        return self._table.has(path)

    def verbs(self, path: str) -> list[str]:
        """What the API answers at a path; empty for paths of others."""
        return [_SPECIAL[path]] if path in _SPECIAL else self._table.verbs(path)

    @staticmethod
    def special_paths() -> Collection[str]:
        """Those that are no endpoint's: JSON-RPC over HTTP, and the redirect."""
        return _SPECIAL.keys()

    def preflight_headers(self, head: RequestHead) -> Headers:
        """Headers of a 204 to OPTIONS; empty when the origin is not allowed."""
        return self._cors.preflight(head)

    def _accept_special(self, head: RequestHead, path: str) -> ApiCall | Response:
        if head.method != _SPECIAL[path]:
            allow: Headers = (("Allow", f"{_SPECIAL[path]}, OPTIONS"),)
            return self.refusal(head, ClientError("Method Not Allowed", 405)).with_headers(allow)
        handler = self._json_rpc if path == RPC_PATH else self._redirect
        # Each call of JSON-RPC is decided by itself.
        decision = self._authorizer.admit(head, None)
        if path == RPC_PATH and decision.reason.status == 403:
            error = decision.refusal()
            self._authorizer.refused(head.address, error)
            raise error
        return ApiCall(
            lambda body: handler(head, decision, body),
            self.cors_headers(head),
            # Which method it is, and so how much of it is taken, stands in the body.
            min(self._body_limit(decision, large=path == RPC_PATH), self._limits.message_bytes),
            authorized=decision.authorized,
        )

    def _body_limit(self, decision: Decision, *, large: bool) -> int:
        limit = self._limits.body_bytes
        if not large:
            limit = min(limit, ARGUMENTS_BYTES)
        return limit if decision.authorized else min(limit, UNAUTHORIZED_BODY_BYTES)

    def _route(self, verb: str, path: str) -> Method:
        if verb != "HEAD":
            return self._table.route(verb, path)
        method = self._table.route("GET", path)
        if self._table.verbs(path) != ["GET"]:
            # HEAD must not do what these do besides answering.
            raise ClientError("Method Not Allowed", 405)
        return method

    def _call(self, head: RequestHead, method: Method, decision: Decision, body: bytes) -> Answer:
        query = arguments.query_pairs(head)
        form: arguments.Pairs = []
        from_json: Mapping[str, object] = {}
        if body:
            content_type = head.header("content-type") or ""
            if arguments.is_json(content_type):
                text = arguments.json_text(body)
                from_json = {} if text is None else method.decode(text)
            else:
                form = arguments.form_pairs(content_type, body)
        merged = arguments.merged(query, form, from_json, method.endpoint.query)
        caller = self._caller(Transport.HTTP, head, decision, query, form)
        return perform(method, merged, caller, self._encoded, error_response)

    def _encoded(self, result: object) -> Answer:
        if type(result) is LargeResult:
            return Outcome.later(self._joined(result))
        return Outcome(result_response(result))

    async def _joined(self, result: LargeResult) -> Response:
        return Response(200, await result.between(b'{"result":', b"}", self._join))

    def _caller(
        self,
        transport: Transport,
        head: RequestHead,
        decision: Decision,
        query: arguments.Pairs,
        form: arguments.Pairs,
    ) -> Caller:
        connection_id = arguments.connection_id(query, form) if query or form else None
        if connection_id is not None:
            client = self._clients.get(connection_id)
            if client is None or client.transport is not Transport.WEBSOCKET:
                connection_id = None
        return Caller(
            transport,
            decision.authorized,
            connection_id,
            head.address,
            decision.user,
            decision.role,
            decision.reason,
            decision.trusted,
        )

    def _json_rpc(self, head: RequestHead, decision: Decision, body: bytes) -> Answer:
        if not arguments.is_json(head.header("content-type") or ""):
            raise ClientError("JSON-RPC over HTTP needs the content type application/json", 400)
        query = arguments.query_pairs(head)
        caller = self._caller(Transport.HTTP_RPC, head, decision, query, [])
        reply = self._rpc.handle(body, lambda: caller)
        return reply.then(lambda text: Response(200, text or b""))

    def _redirect(self, head: RequestHead, decision: Decision, body: bytes) -> Answer:
        query = [text for key, text in arguments.query_pairs(head) if key == "url"]
        text = None if query else arguments.json_text(body)
        target = query[-1] if query else decode_object(text or b"{}").get("url")
        if not isinstance(target, str) or not target.strip():
            raise ClientError("Argument 'url' is missing", 400)
        target = target.strip()
        if not target.lower().startswith(("http://", "https://")):
            raise ClientError("Only http and https addresses are redirected to", 400)
        if not self._cors.allows(target.removesuffix("/")):
            raise ClientError("The CORS settings do not allow this address", 400)
        return Outcome(Response(302, content_type="", headers=(("Location", target),)))
