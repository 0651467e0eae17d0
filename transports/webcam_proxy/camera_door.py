"""Requests for cameras: who may have them, and which way each is answered.

Implements `StreamedPaths` and `UpgradePaths`; one instance per generation.
"""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import trio

from mrk.access.decision import Decision
from mrk.access.reasons import Reason
from mrk.clients.registry import Clients
from mrk.definitions.roles import Role
from mrk.errors import ClientError, MrkError
from mrk.http.exchange import Exchange, Transfer
from mrk.http.head import READING, RequestHead
from mrk.http.response import Headers, Response, error_response
from mrk.http.streamed_paths import DoorRules, HandOn
from mrk.webcams.passing import changes_camera, request_bytes
from mrk.websocket.handshake import accept_upgrade, refusal
from transports.webcam_proxy.camera_connection import CameraAway
from transports.webcam_proxy.camera_paths import OWN, CameraPaths, FoundCamera, query_of
from transports.webcam_proxy.proxy import WebcamProxy
from transports.webcam_proxy.relay import IsStream, read_body, relay, while_connected
from transports.webcam_proxy.snapshots import NotSnapshot
from transports.webcam_proxy.stream_hub import (
    CONTENT_TYPE,
    OPENING,
    NoStream,
    NotMjpeg,
    Viewer,
)
from transports.webcam_proxy.tunnel import tunnel

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute

# For the first picture; a camera that was just switched on takes some seconds.
FIRST_PICTURE_S = 15.0
# A viewer waits so long for a camera that has gone; its page then asks anew.
AWAY_S = 60.0
_ALL = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_PICTURE: Headers = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class CameraDoor:
    """Answers what is below `/webcam/` and the like."""

    def __init__(
        self, proxy: WebcamProxy, paths: CameraPaths, rules: DoorRules, clients: Clients
    ) -> None:
        self._proxy = proxy
        self._paths = paths
        self._rules = rules
        self._clients = clients

    def verbs(self, path: str) -> tuple[str, ...]:
        """`StreamedPaths.verbs`."""
        if self._paths.is_proxied(path):
            return _ALL
        return READING if self._paths.is_own(path) else ()

    def begin(self, head: RequestHead) -> Transfer | None:
        """`StreamedPaths.begin`."""
        return self._serve if head.method in self.verbs(self._paths.local(head)) else None

    def declared(self) -> "list[DoorRoute]":
        """`StreamedPaths.declared`."""
        from transports.webcam_proxy.declarations import cameras

        return cameras(self._paths.names, OWN)

    def upgrade(self, head: RequestHead) -> HandOn | None:
        """`UpgradePaths.upgrade`."""
        return self._tunnel if self._paths.is_proxied(self._paths.local(head)) else None

    # Requests

    def _needed(self, head: RequestHead) -> Role:
        changing = changes_camera(head.method, self._paths.rest(head), query_of(head))
        return Role.OPERATE if changing else Role.VIEW

    async def _serve(self, exchange: Exchange) -> None:
        head = exchange.head
        cors = self._rules.cors.headers(head.header("origin"))
        try:
            # First of all: who may see nothing does not learn which cameras there are.
            decision = self._rules.authorizer.admit(head, self._needed(head))
            found = await self._paths.find(head)
            body = await read_body(exchange)
            with self._while_allowed(decision):
                await self._answer(exchange, found, body, cors)
        except ClientError as exc:
            await _tell(exchange, exc, cors)
        except (CameraAway, NoStream) as exc:
            await _tell(exchange, ClientError(f"The camera cannot be shown: {exc}", 502), cors)

    @contextlib.contextmanager
    def _while_allowed(self, decision: Decision) -> Iterator[None]:
        """End what is inside when its user logs out; raises `ClientError` 401 then."""
        with (
            trio.CancelScope() as scope,
            self._clients.bound_to(decision.user, Role.VIEW, scope.cancel),
        ):
            yield
        if scope.cancelled_caught:
            raise Reason.REVOKED.denied(None)

    async def _answer(
        self, exchange: Exchange, found: FoundCamera, body: bytes | None, cors: Headers
    ) -> None:
        headers = (*_PICTURE, *cors)
        asked, head, proxy = found.request, exchange.head, self._proxy
        request = request_bytes("GET", asked.target, found.host, head, None)
        learned = proxy.learned(found.target, asked.key)
        if head.method == "GET":
            try:
                if learned or (learned is None and asked.is_stream):
                    await self._show(exchange, found, request, headers)
                    return
                if learned is None and asked.is_snapshot:
                    picture = await proxy.snapshots.get(found.target, asked.key, request)
                    kind = picture.content_type
                    await exchange.answer(Response(200, picture.body, kind, headers=headers))
                    return
            except NotMjpeg:
                proxy.learn(found.target, asked.key, is_stream=False)
            except NotSnapshot:
                pass
        try:
            with proxy.viewers.counted(found.name, head.address):
                await relay(proxy.open_camera, exchange, found, body, cors)
        except IsStream:
            proxy.learn(found.target, asked.key, is_stream=True)
            await self._show(exchange, found, request, headers)

    async def _show(
        self, exchange: Exchange, found: FoundCamera, request: bytes, headers: Headers
    ) -> None:
        """Be a viewer of a stream until one side ends."""
        with self._proxy.viewers.counted(found.name, exchange.head.address):
            hub = self._proxy.stream(found.target, found.request.key, request)
            with hub.watched() as viewer:
                picture = await _first_picture(exchange, viewer)
                if picture is None:
                    return
                opening = Response(200, OPENING, CONTENT_TYPE, headers=headers)
                await exchange.begin_answer(opening)
                await _watch(exchange, viewer, picture)

    # Websockets

    async def _tunnel(self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        rules = self._rules
        try:
            accept_upgrade(head)
            if not rules.authorizer.allows_socket(head):
                raise ClientError("This origin may not open websockets", 403)
            decision = rules.authorizer.admit(head, self._needed(head))
            found = await self._paths.find(head)
            with (
                self._while_allowed(decision),
                self._proxy.viewers.counted(found.name, head.address),
            ):
                trailing = buffered.partition(b"\r\n\r\n")[2]
                open_camera = self._proxy.open_camera
                await tunnel(open_camera, stream, head, found, trailing, rules.answered)
        except ClientError as exc:
            await _refuse(stream, exc, rules)
        except CameraAway as exc:
            error = ClientError(f"The camera cannot be reached: {exc}", 502)
            await _refuse(stream, error, rules)


async def _tell(exchange: Exchange, error: ClientError, cors: Headers) -> None:
    """Behind the beginning of an answer the connection's end tells the client."""
    if not exchange.answered:
        await exchange.answer(error_response(error).with_headers(cors))


async def _first_picture(exchange: Exchange, viewer: Viewer) -> bytes | None:
    """None when the client has left meanwhile; raises `NoStream` and `NotMjpeg`."""
    failure: MrkError = NoStream("no picture came")
    picture: bytes | None = None
    async with while_connected(exchange) as left:
        with trio.move_on_after(FIRST_PICTURE_S):
            try:
                picture = await viewer.next()
            except (NoStream, NotMjpeg) as exc:
                failure = exc
    if picture is None and not left.is_set():
        raise failure
    return picture


async def _watch(exchange: Exchange, viewer: Viewer, picture: bytes) -> None:
    async with while_connected(exchange):
        while True:
            await exchange.send_part(picture)
            try:
                with trio.fail_after(AWAY_S):
                    picture = await viewer.next()
            except (trio.TooSlowError, NoStream, NotMjpeg):
                return


async def _refuse(stream: trio.abc.Stream, error: ClientError, rules: DoorRules) -> None:
    rules.answered[error.status] += 1
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        with trio.move_on_after(rules.limits.send_s):
            await stream.send_all(refusal(error))
