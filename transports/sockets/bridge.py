"""The bridge websocket: one client's own line to Klippy's socket, frames passed through undecoded.

The door calls `serve_connection`; it opens a connection to Klippy for this client and ends with
either side, or cancelled. Back-pressure reaches both ways: a client that reads slowly slows the
reading from Klippy, and Klippy's slowness that from the client; about 1 MB waits at most.
"""

import contextlib
from collections.abc import Awaitable, Callable

import trio

from mrk.access.reasons import Reason
from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.definitions.roles import Role
from mrk.errors import ClientError, Transient
from mrk.http.head import RequestHead
from mrk.klippy.etx import EtxDecoder, FrameTooLong, etx_frame
from mrk.websocket.bridge_request import BridgeRefusal, klippy_request
from mrk.websocket.events import Ending
from mrk.websocket.frames import text_frames
from transports.sockets.admission import WebsocketAdmission
from transports.sockets.client_connection import SERVER_SHUTDOWN, ClientConnection
from transports.sockets.ping_clock import PingClock
from transports.sockets.time_slice import TimeSlice
from transports.sockets.websocket_stream import WebsocketStream

OpenKlippy = Callable[[], Awaitable[trio.abc.Stream]]
# Nothing that a script of g-code could not do as well.
NEEDED = Role.OPERATE
REVOKED = Ending(1008, "Logged out")
KLIPPY_DISCONNECTED = Ending(1001, "Klippy Disconnected")
# Large reads: a dump of motion data is many small frames, and each read costs the same.
CHUNK_BYTES = 256 * 1024


class Bridge:
    """Serves `<prefix>/klippysocket`.

    `open_klippy` returns a new stream to Klippy's socket, or raises `Transient` or `ClientError`.
    `when_cancelled` is how a bridge ends with its generation.
    """

    def __init__(
        self,
        limits: Limits,
        admission: WebsocketAdmission,
        clients: Clients,
        open_klippy: OpenKlippy,
        when_cancelled: Callable[[], Ending] = lambda: SERVER_SHUTDOWN,
    ) -> None:
        self._when_cancelled = when_cancelled
        self._limits = limits
        self._admission = admission
        self._clients = clients
        self._open_klippy = open_klippy
        self._pings = PingClock(limits.ping_s)
        self._loading = trio.CapacityLimiter(1)

    async def serve_connection(
        self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes
    ) -> None:
        """Serve one client from its handshake on.

        `buffered` is all that was read so far, head included. A failed handshake is answered with
        400, 401, 403, 426 or 503 and a JSON error.
        """
        try:
            response = self._admission.accept(head)
            decision = self._admission.decide(head)
            decision.check(NEEDED)
            revocable = _RevocableConnection()
            with (
                self._admission,
                self._clients.bound_to(decision.user, NEEDED, revocable.pull),
            ):
                klippy = await self._connect()
                async with klippy:
                    trailing = buffered.partition(b"\r\n\r\n")[2]
                    span = self._span(stream, klippy, head, trailing)
                    revocable.fasten(span.connection)
                    await self._serve(span, response)
        except ClientError as exc:
            await self._admission.refuse(stream, head, exc)

    async def _connect(self) -> trio.abc.Stream:
        try:
            return await self._open_klippy()
        except Transient as exc:
            raise ClientError(f"Klippy Host not connected: {exc}", 503) from exc

    def _span(
        self, stream: trio.abc.Stream, klippy: trio.abc.Stream, head: RequestHead, trailing: bytes
    ) -> "_Span":
        total = self._clients.waiting
        wire = WebsocketStream(stream, trailing, self._limits, total=total, loading=self._loading)
        name = f"bridge of {head.address}"
        connection = ClientConnection(name, wire.sender, self._clients.turns, self._when_cancelled)
        return _Span(wire, klippy, connection)

    async def _serve(self, span: "_Span", response: bytes) -> None:
        wire = span.wire
        self._admission.upgrading()
        if not await wire.send_response(response):
            return
        try:
            await span.connection.run(
                lambda: self._read(span), lambda: span.to_client(self._limits)
            )
        finally:
            with trio.move_on_at(wire.sender.limit_goodbye(), shield=True):
                await wire.goodbye(span.connection.ending)
            span.connection.log()

    async def _read(self, span: "_Span") -> Ending:
        self._pings.add(span.connection, span.wire)
        try:
            return await span.to_klippy()
        finally:
            self._pings.remove(span.connection)


class _RevocableConnection:
    """Ends the bridge of a user who may not have it any more, also while it is being built."""

    def __init__(self) -> None:
        self._pulled = False
        self._connection: ClientConnection | None = None

    def fasten(self, connection: ClientConnection) -> None:
        """Hold a connection; raises `ClientError` 401 when the user is gone already."""
        if self._pulled:
            raise Reason.REVOKED.denied(None)
        self._connection = connection

    def pull(self) -> None:
        """The user is shut out, or may only look."""
        self._pulled = True
        if self._connection is not None:
            self._connection.end(REVOKED)


class _Span:
    """Both directions of one bridge."""

    def __init__(
        self, wire: WebsocketStream, klippy: trio.abc.Stream, connection: ClientConnection
    ) -> None:
        self.connection = connection
        self.wire = wire
        self._klippy = klippy
        self._turn = TimeSlice()

    async def to_klippy(self) -> Ending:
        """Forward the client's requests, one send each."""
        try:
            return await self._read()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return KLIPPY_DISCONNECTED

    async def _read(self) -> Ending:
        wire = self.wire
        while not wire.ended and (chunk := await wire.receive()):
            self._turn.begin()
            for message in wire.messages(chunk):
                if wire.must_load:
                    await wire.load()
                elif message is None:
                    await self._yield_if_due()
                else:
                    await self._forward(message)
            wire.sender.flush()
        return wire.ending

    async def _forward(self, message: str | bytes) -> None:
        try:
            request = klippy_request(message)
        except BridgeRefusal as exc:
            await self.wire.sender.wait_for_space()
            self.wire.sender.reply(exc.reply)
            await self._yield_if_due()
        else:
            await self._klippy.send_all(etx_frame(request))

    async def _yield_if_due(self) -> None:
        if self._turn.over:
            await self._turn.rest()

    async def to_client(self, limits: Limits) -> Ending:
        """Forward what Klippy says: all frames of one read in one send."""
        decoder = EtxDecoder(limits.unix_message_bytes)
        sender = self.wire.sender
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while chunk := await self._klippy.receive_some(CHUNK_BYTES):
                try:
                    frames = decoder.feed(bytes(chunk))
                except FrameTooLong as exc:
                    return Ending(1009, f"Klippy sent {exc}")
                if frames:
                    sender.append(text_frames(frames))
                    await sender.wait_for_space()
        return KLIPPY_DISCONNECTED
