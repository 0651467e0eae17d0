"""One accepted connection: reads requests, answers API calls, hands the rest on.

Run by the door, one task a connection. Ends when the client leaves, stalls or breaks the
protocol, when the connection is to be handed on, or when the door is cancelled.
"""

import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from mrk.access.address import counted_as
from mrk.access.request_authorizer import may_have_token
from mrk.api.large_result import LARGE_BYTES
from mrk.api.outcome import Outcome
from mrk.definitions.limits import LARGE_CALL_BYTES, Limits
from mrk.errors import ClientError
from mrk.http import multipart
from mrk.http.arguments import is_multipart
from mrk.http.exchange import Transfer
from mrk.http.framing import Framing, framing
from mrk.http.head import RequestHead
from mrk.http.head_parser import HeadParser
from mrk.http.refusal import Refusal
from mrk.http.response import Response, error_response, wire
from mrk.http.streamed_paths import Kept
from transports.door.answer_budget import COUNTED_BYTES
from transports.door.api_http import ApiCall
from transports.door.body_reader import BodyBudget, BodyReader, too_large
from transports.door.body_stream import CONTINUE, BodyStream
from transports.door.limited_stream import LimitedStream
from transports.door.request_start import RequestStart
from transports.door.route_table import Streamed
from transports.door.routes import Routes

logger = logging.getLogger(__name__)

# Closing with unread input makes the kernel discard our last answer; so read on for a while.
LINGER_S = 2.0
_RECEIVE_BYTES = 16 * 1024
# What a new client may ask without waiting for a crowd that connects or leaves.
_STOP = b"/printer/emergency_stop"
# Serves a connection from the request on that asked for it, within the call or beyond it.
Successor = Callable[[], Awaitable[Kept | None]]


class HttpConnection:
    """`run` serves the connection until it ends; `peer` is the other end's IP address.

    `port` is the one of ours that it came in on.
    """

    def __init__(
        self,
        stream: LimitedStream,
        peer: str,
        tls: bool,
        routes: Routes,
        limits: Limits,
        budget: BodyBudget,
        port: int = 0,
    ) -> None:
        self._stream = stream
        self._peer = peer
        self._port = port
        self._tls = tls
        self._routes = routes
        self._limits = limits
        self._budget = budget
        self._rest = b""  # read, but not yet used
        self._last: RequestStart | None = None  # where it may come again
        # Cancelled where the connection ends while it waits for its client.
        self._whole = trio.CancelScope()
        self._now = trio.lowlevel.current_clock().current_time  # as `trio.current_time`, sooner
        # The connection may be ended for another one while it waits; `waits_since` is by trio's
        # clock. In the middle of a request of somebody who may do something it does not wait.
        self.waits = False
        self.waits_since = 0.0
        self.unfinished = False
        self.given_up = False
        self._ended = False
        # For its end: here, or where a stream was served.
        self.had_turn = False
        self._successor: Successor | None = None
        self._new = True
        self._address = peer
        self._counted: str | None = None

    @property
    def counted_address(self) -> str:
        """Whose connection it is: by the last head, the peer before the first."""
        if self._counted is None:
            self._counted = counted_as(self._address)
        return self._counted

    @property
    def idle(self) -> bool:
        """Whether it waits for its client's next request."""
        return self.waits and not self.unfinished

    async def run(self, handshake: Callable[[], Awaitable[None]] | None = None) -> Successor | None:
        """Answer request after request, in order; `handshake` comes before the first.

        Returns who serves the connection from here on, None when it is over: a websocket lasts for
        days, and nothing of this is kept beside it. Raises `trio.TooSlowError` when the handshake
        takes longer than a head may.
        """
        try:
            with self._whole:
                if handshake is not None:
                    self._may_give_way()
                    with trio.fail_after(self._limits.head_s):
                        await handshake()
                while await self._one_request():
                    if self._rest:  # pipelined: others get their turn between two answers
                        await trio.lowlevel.checkpoint()
        except Refusal as refusal:
            await self._refuse(error_response(refusal))
        return self._successor

    def _may_give_way(self) -> None:
        """Until the next request: what is under way may end for another connection."""
        self.waits, self.unfinished, self.waits_since = True, True, self._now()

    def give_up(self) -> None:
        """End a waiting connection, for one that has something to ask.

        Nothing is said to its client, and TLS gets no goodbye.
        """
        self.given_up = True
        self.end_wait()

    def end_wait(self) -> None:
        """End a connection that waits for its client, with what that sends in this very instant."""
        self.waits, self._ended = False, True
        self._whole.cancel()

    async def _one_request(self) -> bool:
        """Serve one request; False when the connection is done."""
        start = await self._read_start()
        if start is None:
            return False
        head, frame = start.head, start.frame
        if self._routes.look_up_names is not None:
            await self._routes.look_up_names(head.address)
        if start.may_have_token:
            await self._routes.load_tokens()
        route = self._routes.table.find(head, upgrade=frame.upgrade == "websocket")
        if isinstance(route, ApiCall):
            return await self._serve(head, frame, route)
        if isinstance(route, Response):
            return await self._answer_early(head, frame, route)
        if isinstance(route, Streamed):
            return await self._transfer(head, frame, route.serve)
        self._successor = partial(route.serve, self._stream, head, start.raw + self._rest)
        return False

    async def _read_start(self) -> RequestStart | None:
        data, self._rest = self._rest, b""
        while True:  # noqa: ASYNC913 - each turn but the first waits for bytes
            if not data:
                data = await self._receive_between()
                if not data:
                    return None
                if self._new:
                    self._new = False
                    if not _is_stop(data):
                        await self._routes.turns.begin()
            last = self._last
            if last is not None and data.startswith(last.raw):
                self._rest = data[len(last.raw) :]
                return last  # the same again, as pollers ask
            parser = HeadParser(self._limits.head_bytes)
            if parser.feed(data):
                return self._started(parser)
            if parser.begun:
                return await self._read_slow_head(parser)
            data = b""  # blank lines

    def _started(self, parser: HeadParser) -> RequestStart:
        client = self._routes.proxies.client(self._peer, self._tls, parser.headers)
        head = RequestHead(
            parser.method,
            parser.target,
            parser.http_version,
            parser.headers,
            self._peer,
            *client,
            self._port,
        )
        if head.address != self._address:
            self._address, self._counted = head.address, None
        start = RequestStart(head, framing(head), parser.raw, may_have_token(head))
        self._last = start if start.may_come_again else None
        self._rest = parser.rest
        return start

    async def _receive_between(self) -> bytes:
        """What the client sends next; empty when it left or was idle for too long."""
        self.waits, self.unfinished, self.waits_since = True, False, self._now()
        try:
            data = await self._stream.receive_some(_RECEIVE_BYTES)
        except trio.BrokenResourceError:
            data = b""
        self.waits = False
        if self._ended:
            return b""
        if not data:
            await self._leave()
        return bytes(data)

    async def _leave(self) -> None:
        """The client has gone: a crowd takes turns here, before anything else is done for it."""
        self._may_give_way()
        self.had_turn = True
        await self._routes.turns.end()

    async def _read_slow_head(self, parser: HeadParser) -> RequestStart | None:
        self._may_give_way()
        with trio.move_on_after(self._limits.head_s) as scope:
            while data := bytes(await self._stream.receive_some(_RECEIVE_BYTES)):
                await self._routes.turns.begin()
                if parser.feed(data):
                    self.waits = False
                    return self._started(parser)
            scope.deadline = math.inf
            await self._leave()
            return None
        raise Refusal(408, "The request's head did not arrive in time")

    async def _serve(self, head: RequestHead, frame: Framing, call: ApiCall) -> bool:
        if not frame.has_body:
            return await self._answer(head, frame, await self._settled(call, call.run(b"")))
        if not call.takes_body:
            response = await self._settled(call, call.run(b""))
            return await self._answer_early(head, frame, response)
        if frame.body_bytes is not None and frame.body_bytes > call.body_bytes:
            return await self._answer_early(head, frame, error_response(too_large(call.body_bytes)))
        if frame.expects_continue and not self._rest:
            await self._stream.send_all(CONTINUE)
        reader = BodyReader(self._stream, self._rest, self._limits.body_idle_s, call.body_bytes)
        if not call.authorized:
            self._may_give_way()
        try:
            body = await reader.read(frame.body_bytes, self._budget, self.counted_address)
            self._rest = reader.rest
            self.waits = False
            outcome = await self._begun(head, call, body)
            del body  # what waits keeps only what it needs of it
        finally:
            self._budget.give_back(reader.held_bytes, self.counted_address)
        return await self._answer(head, frame, await self._settled(call, outcome))

    async def _begun(self, head: RequestHead, call: ApiCall, body: bytes) -> Outcome[Response]:
        if not multipart.is_loaded() and is_multipart(head.header("content-type") or ""):
            await self._routes.load_forms()
        if len(body) <= LARGE_CALL_BYTES:
            return call.run(body)
        async with self._budget.turn:
            await trio.lowlevel.checkpoint()
            return call.run(body)

    async def _transfer(self, head: RequestHead, frame: Framing, transfer: Transfer) -> bool:
        body = self._body_stream(head, frame)
        try:
            await transfer(body)
        finally:
            self._rest = body.rest
            self.had_turn = body.endless
            if frame.has_body and not body.answered:
                await self._last_word()  # noqa: ASYNC102 - shielded there, with a deadline
        if not body.body_read:
            await self._linger()
        return body.keep_alive

    def _body_stream(self, head: RequestHead, frame: Framing) -> BodyStream:
        return BodyStream(
            self._stream,
            head,
            frame,
            self._rest,
            self._limits,
            self._may_give_way,
            self._routes.answered,
            self._routes.accepting,
        )

    async def _settled(self, call: ApiCall, outcome: Outcome[Response]) -> Response:
        """Wait for an async handler; one that is cancelled gets its client a last word."""
        if outcome.settled:
            return outcome.value
        try:
            if call.ends_with_client:
                return await self._while_connected(outcome)
            return await outcome.wait()
        finally:
            await self._last_word()  # noqa: ASYNC102 - shielded there, with a deadline

    async def _last_word(self) -> None:
        """When we are cancelled: the client hears why there is no answer."""
        # Said by the deadline, because a nursery wraps its cancellation in a group.
        if trio.current_effective_deadline() == -math.inf:
            with trio.move_on_after(self._limits.goodbye_s, shield=True):
                await self._goodbye()

    async def _goodbye(self) -> None:
        error = ClientError("The server is shutting down before the request was done", 503)
        self._routes.answered[error.status] += 1
        # The client may have left first.
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_all(wire(error_response(error), keep_alive=False))

    async def _while_connected(self, outcome: Outcome[Response]) -> Response:
        """The answer; raises `trio.BrokenResourceError` when the client leaves before it."""
        response: Response | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope, name="client watch")
            response = await outcome.wait()
            nursery.cancel_scope.cancel()
        if response is None:
            raise trio.BrokenResourceError("the client left before the answer")
        return response

    async def _watch(self, scope: trio.CancelScope) -> None:
        """Cancel `scope` when the client leaves; keep the requests it sends meanwhile."""
        while len(self._rest) < self._limits.head_bytes:
            try:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
            except trio.BrokenResourceError:
                data = b""
            if not data:
                scope.cancel()
                return
            self._rest += data

    async def _answer_early(self, head: RequestHead, frame: Framing, response: Response) -> bool:
        """Answer a request whose body nobody wants; the connection goes on if that was short."""
        if not frame.has_body:
            return await self._answer(head, frame, response)
        body = self._body_stream(head, frame)
        await body.answer(response)
        self._rest = body.rest
        if not body.body_read:
            await self._linger()
        return body.keep_alive

    async def _answer(self, head: RequestHead, frame: Framing, response: Response) -> bool:
        is_head, size_bytes = head.method == "HEAD", len(response.body)
        if size_bytes >= COUNTED_BYTES and not is_head:
            return await self._answer_counted(head, frame, response, size_bytes)
        self._routes.answered[response.status] += 1
        old, keep_alive = head.http_version == "1.0", self._keeps_alive(frame)
        await self._stream.send_whole(wire(response, keep_alive, old, is_head))
        return keep_alive

    def _keeps_alive(self, frame: Framing) -> bool:
        """Whether another request may follow the answer; behind a closed door none may."""
        return frame.keep_alive and not self._routes.accepting.stopped

    async def _answer_counted(
        self, head: RequestHead, frame: Framing, response: Response, size_bytes: int
    ) -> bool:
        budget, address = self._budget.answers, self.counted_address
        if not budget.take(size_bytes, address):
            error = ClientError("Too many large answers wait to be taken: try again later", 503)
            refusal = error_response(error).with_headers(response.headers)
            return await self._answer(head, frame, refusal)
        self._routes.answered[response.status] += 1
        keep_alive = self._keeps_alive(frame)
        try:
            # A large one is not copied behind its head.
            old, apart = head.http_version == "1.0", size_bytes >= LARGE_BYTES
            await self._stream.send_whole(wire(response, keep_alive, old, apart))
            if apart:
                await self._stream.send_whole(response.body)
        finally:
            budget.give_back(size_bytes, address)
        return keep_alive

    async def _refuse(self, response: Response) -> None:
        """Answer, and see to it that the client can read the answer."""
        self._routes.answered[response.status] += 1
        await self._stream.send_whole(wire(response, keep_alive=False))
        await self._linger()

    async def _linger(self) -> None:
        self._may_give_way()
        with trio.move_on_after(LINGER_S):
            await self._stream.send_eof()
            while await self._stream.receive_some(_RECEIVE_BYTES):
                pass


def _is_stop(data: bytes) -> bool:
    """Whether a request line asks for an emergency stop; who just says so overtakes as well."""
    return _STOP in data[: data.find(b"\n")]
