"""Passes one request on to a camera and its answer back, as it comes: pages, signalling, video.

Runs in the request's own task, on a connection of its own, and ends with either side.
"""

import contextlib
import logging
from collections.abc import AsyncIterator

import trio

from mrk.errors import ClientError
from mrk.http.exchange import Exchange
from mrk.http.response import Headers, Response
from mrk.webcams.camera_answer import CameraAnswer
from mrk.webcams.mjpeg import boundary_of
from mrk.webcams.passing import BODY_BYTES, passed_headers, request_bytes
from transports.webcam_proxy.camera_connection import (
    CameraAway,
    CameraConnection,
    OpenCamera,
    asked,
)
from transports.webcam_proxy.camera_paths import FoundCamera

logger = logging.getLogger(__name__)

# Answers up to this size are sent with their length, and the connection stays.
WHOLE_BYTES = 256 * 1024


class IsStream(Exception):
    """The answer is a stream of pictures: to be shared, not passed on."""


async def read_body(exchange: Exchange) -> bytes | None:
    """The request's body, None without one; raises `ClientError` 413 and `Refusal`."""
    if exchange.body_bytes == 0:
        return None
    if exchange.body_bytes is not None and exchange.body_bytes > BODY_BYTES:
        raise ClientError(f"The body is larger than {BODY_BYTES} bytes", 413)
    parts: list[bytes] = []
    size_bytes = 0
    while part := await exchange.receive():
        size_bytes += len(part)
        if size_bytes > BODY_BYTES:
            raise ClientError(f"The body is larger than {BODY_BYTES} bytes", 413)
        parts.append(part)
    return b"".join(parts)


async def relay(
    open_camera: OpenCamera,
    exchange: Exchange,
    found: FoundCamera,
    body: bytes | None,
    cors: Headers,
) -> None:
    """Ask and answer. Raises `CameraAway` before anything was answered, and `IsStream`."""
    head = exchange.head
    request = request_bytes(head.method, found.request.target, found.host, head, body)
    to_head = head.method == "HEAD"
    async with asked(open_camera, found.target, request, to_head=to_head) as connection:
        answer = connection.answer
        kind = answer.header("content-type")
        if head.method == "GET" and answer.status == 200 and boundary_of(kind):
            raise IsStream
        response = _response(found, answer, kind, cors)
        if to_head:
            # The length would be that of a body which the camera has not told.
            await exchange.begin_answer(response)
        elif answer.length is not None and answer.length <= WHOLE_BYTES:
            content = await connection.whole(WHOLE_BYTES)
            whole = Response(answer.status, content, kind, headers=response.headers)
            await exchange.answer(whole)
        else:
            await exchange.begin_answer(response)
            await _pass_on(exchange, connection)


def _response(found: FoundCamera, answer: CameraAnswer, kind: str, cors: Headers) -> Response:
    headers = passed_headers(answer.headers, found.base, found.prefix, found.host)
    return Response(answer.status, b"", kind, headers=(*headers, *cors))


async def _pass_on(exchange: Exchange, connection: CameraConnection) -> None:
    async with while_connected(exchange):
        while part := await connection.receive():
            await exchange.send_part(part)


@contextlib.asynccontextmanager
async def while_connected(exchange: Exchange) -> AsyncIterator[trio.Event]:
    """End what is inside, quietly, when the client or the camera leaves it.

    The event is set when it was the client. What that sends meanwhile is dropped.
    """
    left = trio.Event()

    async def leave(scope: trio.CancelScope) -> None:
        await exchange.wait_left()
        left.set()
        scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leave, nursery.cancel_scope, name="webcam client watch")
            yield left
            nursery.cancel_scope.cancel()
    except* (trio.BrokenResourceError, CameraAway):
        left.set()
        logger.debug("a camera's answer to %s ended early", exchange.head.address)
