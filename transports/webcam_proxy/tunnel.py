"""A websocket to a camera (signalling, video): bytes both ways once the camera has agreed.

Runs in the connection's task and ends with either side, or after a long silence of both.
"""

import trio

from mrk.http.head import RequestHead
from mrk.metrics.request_counts import Tally
from mrk.webcams.passing import request_bytes, upgraded_bytes
from transports.webcam_proxy.camera_connection import CameraAway, CameraConnection, OpenCamera
from transports.webcam_proxy.camera_paths import FoundCamera

SEND_S = 30.0
SILENCE_S = 600.0
_CHUNK_BYTES = 64 * 1024


async def tunnel(
    open_camera: OpenCamera,
    stream: trio.abc.Stream,
    head: RequestHead,
    found: FoundCamera,
    trailing: bytes,
    answered: Tally,
) -> None:
    """Serve both sides to the end of one; raises `CameraAway` before anything was answered."""
    camera = await open_camera(found.target)
    try:
        connection = CameraConnection(camera)
        await connection.ask(
            request_bytes("GET", found.request.target, found.host, head, None, close=False),
            upgrade=True,
        )
        if connection.answer.status != 101:
            raise CameraAway(f"the camera answered the websocket with {connection.answer.status}")
        answered[101] += 1
        await stream.send_all(upgraded_bytes(connection.answer.headers) + connection.rest)
        await _both_ways(stream, camera, trailing)
    finally:
        await trio.aclose_forcefully(camera)


async def _both_ways(client: trio.abc.Stream, camera: trio.abc.Stream, trailing: bytes) -> None:
    # Moved on by each byte, in whichever direction.
    with trio.CancelScope(deadline=trio.current_time() + SILENCE_S) as silence:
        async with trio.open_nursery() as nursery:

            async def pump(
                source: trio.abc.Stream, sink: trio.abc.Stream, first: bytes = b""
            ) -> None:
                try:
                    if first:
                        await _send(sink, first)
                    while data := await source.receive_some(_CHUNK_BYTES):
                        silence.deadline = trio.current_time() + SILENCE_S
                        await _send(sink, bytes(data))
                except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                    pass
                nursery.cancel_scope.cancel()

            nursery.start_soon(pump, client, camera, trailing, name="webcam tunnel out")
            nursery.start_soon(pump, camera, client, name="webcam tunnel in")


async def _send(sink: trio.abc.Stream, data: bytes) -> None:
    with trio.fail_after(SEND_S):
        await sink.send_all(data)
