"""How the soak talks to the daemon and to the printer: one short connection a question.

Every wait has a limit; what goes wrong is `Unavailable`, which a restart of the daemon explains.
"""

import json
import os
import socket
import struct
from typing import Any

import trio

from benchmarks.clients import HOST
from benchmarks.wire import HEAD_END, WebsocketCutter, client_frame, handshake, rpc

_PATIENCE_S = 20.0
_CHUNK_BYTES = 65536
BOUNDARY = "soak-5d1c2f"


class Unavailable(Exception):
    """No answer, or another than 200 and 201."""


async def http(port: int, method: str, path: str, body: bytes = b"", kind: str = "") -> Any:
    """The `result`, or the whole answer where there is none; raises `Unavailable`."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    elif method != "GET":
        head += "Content-Length: 0\r\n"
    try:
        with trio.fail_after(_PATIENCE_S):
            async with await trio.open_tcp_stream(HOST, port) as stream:
                await stream.send_all(head.encode() + b"\r\n" + body)
                answer = b"".join([bytes(chunk) async for chunk in stream])
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as exc:
        raise Unavailable(f"{method} {path}: {exc!r}") from exc
    top, _, content = answer.partition(HEAD_END)
    if not top.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
        raise Unavailable(f"{method} {path}: {answer[:300]!r}")
    value = json.loads(content)
    return value.get("result", value)


def form(name: str, content: bytes) -> tuple[bytes, str]:
    """Body and content type of one uploaded file."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = part.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


async def abort_upload(port: int, name: str, content: bytes) -> None:
    """Begin an upload and reset the connection in its middle."""
    body, kind = form(name, content)
    head = (
        f"POST /server/files/upload HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    try:
        with trio.fail_after(_PATIENCE_S):
            async with await trio.open_tcp_stream(HOST, port) as stream:
                await stream.send_all(head.encode() + body[: len(body) // 2])
                await trio.sleep(0.2)
                reset_on_close(stream)
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as exc:
        raise Unavailable(f"aborted upload of {name}: {exc!r}") from exc


def reset_on_close(stream: trio.SocketStream) -> None:
    """Have the peer meet ECONNRESET instead of an end."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def ask_printer(path: os.PathLike[str], method: str, params: dict[str, Any]) -> Any:
    """One question to the virtual printer itself, past the daemon."""
    request = json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\x03"
    received = b""
    with trio.fail_after(_PATIENCE_S):
        async with await trio.open_unix_socket(path) as stream:
            await stream.send_all(request)
            while not received.endswith(b"\x03"):
                received += await stream.receive_some(_CHUNK_BYTES)
    return json.loads(received.rstrip(b"\x03").rpartition(b"\x03")[2]).get("result")


class Websocket:
    """A websocket that identifies, subscribes and reads; raises `Unavailable`."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._cutter = WebsocketCutter()
        self.messages = 0

    async def begin(self, port: int, objects: dict[str, None]) -> None:
        """Handshake, identification, subscription."""
        await self.stream.send_all(handshake("/websocket", f"{HOST}:{port}"))
        head = b""
        while HEAD_END not in head:
            chunk = await self.stream.receive_some(_CHUNK_BYTES)
            if not chunk:
                raise Unavailable("websocket: closed during its handshake")
            head += chunk
        if not head.startswith(b"HTTP/1.1 101"):
            raise Unavailable(f"websocket: {head[:200]!r}")
        self._cutter.feed(head.partition(HEAD_END)[2])
        identity = {"client_name": "soak", "version": "1", "type": "other", "url": "http://soak"}
        await self._send(rpc("server.connection.identify", 1, identity))
        await self._send(rpc("printer.objects.subscribe", 2, {"objects": objects}))

    async def read(self) -> None:
        """Read and answer pings until the daemon closes."""
        while chunk := await self.stream.receive_some(_CHUNK_BYTES):
            self.messages += len(self._cutter.feed(bytes(chunk)))
            while self._cutter.pings:
                await self.stream.send_all(client_frame(self._cutter.pings.pop(), opcode=10))
            if self._cutter.close_code is not None:
                return

    async def close(self) -> None:
        """Say goodbye, as browsers do."""
        await self.stream.send_all(client_frame((1001).to_bytes(2), opcode=8))

    async def _send(self, message: bytes) -> None:
        await self.stream.send_all(client_frame(message))
