"""A camera on a real port behind a whole daemon: streams, a picture, a websocket, a restart."""

import contextlib
from functools import partial

import httpx
import pytest
import trio
import trio_websocket

from nurseries.testing.sockets import SocketDaemon, open_socket_daemon

pytestmark = pytest.mark.e2e

JPEG = b"\xff\xd8" + bytes(100_000) + b"\xff\xd9"
PART = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(JPEG), JPEG)


BED = """
[webcam bed]
stream_url: /webcam/?action=stream
snapshot_url: /webcam/?action=snapshot
"""


class Camera:
    """`open` counts its streams."""

    def __init__(self) -> None:
        self.open = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += await stream.receive_some()
            if b"action=snapshot" in head:
                length = b"Content-Length: %d\r\n\r\n" % len(JPEG)
                await stream.send_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n" + length + JPEG
                )
            else:
                await self._stream(stream)

    async def _stream(self, stream: trio.SocketStream) -> None:
        self.open += 1
        try:
            await stream.send_all(
                b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n"
            )
            while True:
                await stream.send_all(PART)
                await trio.sleep(0.02)
        finally:
            self.open -= 1


async def echo(request: trio_websocket.WebSocketRequest) -> None:
    connection = await request.accept()
    with contextlib.suppress(trio_websocket.ConnectionClosed):
        while True:
            said = await connection.get_message()
            assert isinstance(said, str)
            await connection.send_message(f"{request.path} {said}")


GET = b"GET /webcam/?action=stream&cacheBust=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def read_pictures(port: int, count: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(GET)
        received = b""
        while received.count(JPEG) < count:
            received += await stream.receive_some()
        assert received.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;")


async def until_left(camera: Camera) -> None:
    with trio.fail_after(20):
        while camera.open:  # noqa: ASYNC110 - the camera's side of a socket tells nobody
            await trio.sleep(0.02)


async def test_a_camera_behind_the_daemon(tmp_path) -> None:
    camera = Camera()
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, camera.serve, 0, host="127.0.0.1")
        (pictures,) = await nursery.start(serve)
        talk = await nursery.start(trio_websocket.serve_websocket, echo, "127.0.0.1", 0, None)
        port = pictures.socket.getsockname()[1]
        sections = f"[webcam_proxy]\ncameras:\n  webcam {port}\n  talk {talk.port}\n{BED}"
        async with open_socket_daemon(tmp_path, sections=sections) as daemon:
            async with httpx.AsyncClient(base_url=daemon.url, timeout=20) as client:
                async with trio.open_nursery() as viewers:
                    for _ in range(3):
                        viewers.start_soon(read_pictures, daemon.port, 3)
                await until_left(camera)
                picture = await client.get("/webcam/?action=snapshot")
                assert picture.content == JPEG
                await _seen_by_the_daemon(client)
                names = [one["name"] for one in await _children(client)]
                assert "webcam_proxy" in names
            url = f"ws://127.0.0.1:{daemon.port}/talk/api/ws?src=x"
            async with trio_websocket.open_websocket_url(url) as connection:
                await connection.send_message("hello")
                assert await connection.get_message() == "/api/ws?src=x hello"
            await _restart_beside_a_viewer(daemon, camera)
        await until_left(camera)
        nursery.cancel_scope.cancel()


async def _seen_by_the_daemon(client: httpx.AsyncClient) -> None:
    """For a path that it passes on itself, no web server stands on port 80."""
    answer = await client.post("/server/webcams/test", json={"name": "bed"})
    found = answer.json()["result"]
    assert found["snapshot_reachable"] is True
    assert found["snapshot_url"].endswith("/?action=snapshot")


async def _children(client: httpx.AsyncClient) -> list[dict[str, str]]:
    tree = (await client.get("/server/nurseries")).json()["result"]["nurseries"]
    found = []
    while tree:
        found += tree
        tree = [child for one in tree for child in one["children"]]
    return found


async def _restart_beside_a_viewer(daemon: SocketDaemon, camera: Camera) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", daemon.port) as stream:
        await stream.send_all(GET)
        assert await stream.receive_some()
        async with httpx.AsyncClient(base_url=daemon.url, timeout=20) as client:
            await client.post("/server/restart")
        with contextlib.suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass
    await daemon.wait_generation(2)
    await read_pictures(daemon.port, 2)
