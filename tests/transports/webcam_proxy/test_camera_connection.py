"""How much of a camera's answer is read at once."""

import pytest
import trio

from transports.webcam_proxy.camera_connection import CameraConnection


class Camera(trio.abc.Stream):
    """Answers with `head`, and then with as much as there is a wish for."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.asked_bytes = 0

    async def send_all(self, data):
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        if self._head:
            head, self._head = self._head, b""
            return head
        self.asked_bytes = max_bytes
        return (b"1\r\nx\r\n" * max_bytes)[: max_bytes // 6 * 6]

    async def aclose(self):
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("header", "at_once_bytes"),
    [(b"Transfer-Encoding: chunked\r\n", 16 * 1024), (b"", 128 * 1024)],
)
async def test_chunks_come_in_smaller_pieces(header, at_once_bytes):
    camera = Camera(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n")
    connection = CameraConnection(camera)
    await connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    assert b"x" in await connection.receive()
    assert camera.asked_bytes == at_once_bytes
