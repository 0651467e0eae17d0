"""The TCP port: the accept loops and the connections behind them.

Run under the transports' nursery, one instance per generation; ends only when cancelled. The
listeners are not its own and stay open: the next generation accepts on them.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from mrk.definitions.limits import Limits
from mrk.errors import ClientError
from mrk.http.eviction import give_way
from mrk.http.response import error_response, wire
from mrk.http.streamed_paths import Kept
from transports.door.body_reader import BodyBudget
from transports.door.http_connection import LINGER_S, HttpConnection, Successor
from transports.door.limited_stream import LimitedStream
from transports.door.routes import Routes

logger = logging.getLogger(__name__)

# Makes the TLS side of an accepted stream; the handshake is the door's.
WrapTls = Callable[[trio.abc.Stream], trio.SSLStream[trio.abc.Stream]]
Listener = trio.abc.Listener[trio.SocketStream]

# Out of descriptors or memory: room comes when some client leaves.
ACCEPT_RETRY_S = 0.1
# Between two looks at which connections are idle.
_IDLE_LOOK_S = 1.0
# Clients over the limit that are told so at the same time; more are just closed.
_REFUSALS_AT_ONCE = 50
# Bodies in memory together, in multiples of the largest one allowed.
_LARGEST_BODIES = 2
# Threads that send files; a client that does not read holds none.
_FILE_THREADS = 8


class Door:
    """Serves all TCP clients.

    `routes` says who answers what, `limits` bounds every step. `connections` is the number open.
    """

    def __init__(self, routes: Routes, limits: Limits) -> None:
        self._routes = routes
        self._limits = limits
        self._streams: set[LimitedStream] = set()
        self._served: set[HttpConnection] = set()
        self._accepted = 0  # whose tasks have not begun
        self._handed_on: set[LimitedStream] = set()  # to others, who serve them
        self._refusing = 0
        # One method object for all: each would be 64 bytes for as long as its connection lasts.
        self._when_over = self._over
        self._file_threads = trio.CapacityLimiter(_FILE_THREADS)
        self._budget = BodyBudget(_LARGEST_BODIES * limits.body_bytes)

    @property
    def connections(self) -> int:
        """TCP connections that are open now."""
        return len(self._streams)

    async def serve(
        self,
        listeners: Sequence[Listener],
        *,
        tls_listeners: Sequence[Listener] = (),
        wrap_tls: WrapTls | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept until cancelled; clients then have `limits.goodbye_s` to take last words."""
        sources = [*((one, None) for one in listeners), *((one, wrap_tls) for one in tls_listeners)]
        async with trio.open_nursery() as connections:
            connections.start_soon(self.end_idle, name="idle connections")
            try:
                task_status.started()
                async with trio.open_nursery() as accepting:
                    for listener, wrap in sources:
                        accepting.start_soon(self._accept, listener, wrap, connections)
            finally:
                deadline = trio.current_time() + self._limits.goodbye_s
                for stream in self._streams:
                    stream.finish_by(deadline)

    async def end_idle(self) -> None:
        """End connections that ask for nothing for `keep_alive_s`, to a second.

        A look at all of them: a deadline for each, set twice a request, costs a tenth of an answer.
        """
        limit_s = self._limits.keep_alive_s
        while True:
            now = oldest = trio.current_time()
            for connection in self._served:
                if not connection.idle:
                    continue
                if connection.waits_since + limit_s <= now:
                    connection.end_wait()
                else:
                    oldest = min(oldest, connection.waits_since)
            await trio.sleep_until(max(oldest + limit_s, now + _IDLE_LOOK_S))

    async def _accept(
        self, listener: Listener, wrap_tls: WrapTls | None, connections: trio.Nursery
    ) -> None:
        failing = False
        while True:
            try:
                stream = await listener.accept()
            except OSError as exc:
                if not failing:
                    logger.error("cannot accept connections: %s; trying again", exc)
                failing = True
                await trio.sleep(ACCEPT_RETRY_S)
                continue
            failing = False
            peer = _peer(stream)
            if peer is None:
                stream.socket.close()
            else:
                connections.start_soon(self._chosen(stream, peer, wrap_tls), name="http connection")

    def _chosen(
        self, stream: trio.SocketStream, peer: str, wrap_tls: WrapTls | None
    ) -> Callable[[], Awaitable[None]]:
        """What the task of a new connection does."""
        tls = wrap_tls is not None
        served = self._accepted + len(self._served) + len(self._handed_on)
        if served >= self._limits.connections and not self._end_waiting():
            return partial(self._turn_away, stream, tls)
        transport = stream if wrap_tls is None else wrap_tls(stream)
        self._accepted += 1
        port = _own_port(stream)
        return partial(self.serve_connection, transport, peer, tls=tls, port=port, accepted=True)

    async def serve_connection(
        self,
        transport: trio.abc.Stream,
        peer: str,
        *,
        tls: bool = False,
        port: int = 0,
        accepted: bool = False,
    ) -> None:
        """Serve one connected stream until it ends, and close it; `peer` is an IP address.

        `port` is ours that it came in on; `accepted` ones were counted before. Whatever fails is
        logged and ends this connection alone.
        """
        self._accepted -= accepted
        stream = LimitedStream(transport, self._limits.send_s, self._file_threads)
        self._streams.add(stream)
        kept = None
        try:
            successor = await self._serve_http(stream, peer, tls, port)
            if successor is not None:
                serving = self._hand_on(stream, successor)
                del successor  # and the head that it was made with
                kept = await serving
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            logger.debug("connection of %s lost", peer)
        except Exception:
            logger.exception("connection of %s failed", peer)
        finally:
            if kept is None:
                self._over(stream)
                if not isinstance(transport, trio.SocketStream):
                    await trio.aclose_forcefully(transport)

    async def _hand_on(self, stream: LimitedStream, successor: Successor) -> Kept | None:
        """Have another serve it; returns that one when it keeps it beyond the call."""
        self._handed_on.add(stream)
        serving = successor()
        del successor
        kept = await serving
        if kept is None:
            await stream.aclose()
        else:
            kept.when_over = self._when_over
        return kept

    def _over(self, stream: LimitedStream) -> None:
        self._handed_on.discard(stream)
        self._streams.discard(stream)
        if isinstance(stream.transport, trio.SocketStream):
            stream.transport.socket.close()  # needs no turn of the loop, and mostly it is closed

    async def _serve_http(
        self, stream: LimitedStream, peer: str, tls: bool, port: int
    ) -> Successor | None:
        """Serve requests; returns who serves a connection that is handed on."""
        connection = HttpConnection(
            stream, peer, tls, self._routes, self._limits, self._budget, port
        )
        transport, successor, intact = stream.transport, None, False
        handshake = None
        if isinstance(transport, trio.SSLStream):
            handshake = partial(self._shake_hands, transport)
        self._served.add(connection)
        try:
            successor = await connection.run(handshake)
            intact = True
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            logger.debug("connection of %s lost", peer)
        finally:
            self._served.discard(connection)
        if successor is None:
            if not connection.had_turn:
                await self._routes.turns.end()
            if intact and not connection.given_up:
                await stream.aclose()
        return successor

    async def _shake_hands(self, stream: trio.SSLStream[trio.abc.Stream]) -> None:
        """The signature takes a millisecond, so it has to wait for its turn."""
        if isinstance(stream.transport_stream, trio.SocketStream):
            await trio.lowlevel.wait_readable(stream.transport_stream.socket)
        await self._routes.turns.begin()
        await stream.do_handshake()

    def _end_waiting(self) -> bool:
        """End connections that wait for their client; False when all are at work."""
        found = give_way(connection for connection in self._served if connection.waits)
        for connection in found:
            self._served.discard(connection)
            connection.give_up()
        return bool(found)

    async def _turn_away(self, stream: trio.SocketStream, tls: bool) -> None:
        try:
            if not tls and self._refusing < _REFUSALS_AT_ONCE:
                await self._refuse(stream)
        finally:
            stream.socket.close()

    async def _refuse(self, stream: trio.SocketStream) -> None:
        error = ClientError("Too many connections: try again later", 503)
        self._refusing += 1
        try:
            with trio.move_on_after(LINGER_S):
                await stream.send_all(wire(error_response(error), keep_alive=False))
                await stream.send_eof()
                while await stream.receive_some():
                    pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # gone by itself
        finally:
            self._refusing -= 1


def _peer(stream: trio.SocketStream) -> str | None:
    """The other end's IP address, None when it has gone already."""
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return None


def _own_port(stream: trio.SocketStream) -> int:
    """Ours that a client connected to, 0 when it has gone already."""
    try:
        return int(stream.socket.getsockname()[1])
    except OSError:
        return 0
