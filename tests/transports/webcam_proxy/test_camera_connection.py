"""How much of a camera's answer is read at once."""

import pytest
import trio

from transports.webcam_proxy.camera_connection import CameraAway, CameraConnection


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


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
async def test_lines_of_the_head_end_as_the_camera_likes(line_end):
    lines = (b"HTTP/1.0 200 OK", b"Content-Type: image/jpeg", b"Content-Length: 6", b"", b"")
    connection = CameraConnection(Camera(line_end.join(lines) + b"\n\r\n\r\n\n"))
    await connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.answer.header("content-type") == "image/jpeg"
    assert await connection.whole(100) == b"\n\r\n\r\n\n"


async def test_a_camera_that_closes_at_once_did_not_answer():
    class Closed(Camera):
        async def receive_some(self, max_bytes=None):
            await trio.lowlevel.checkpoint()
            return b""

    with pytest.raises(CameraAway, match="did not answer"):
        await CameraConnection(Closed(b"")).ask(b"GET / HTTP/1.1\r\n\r\n")


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
