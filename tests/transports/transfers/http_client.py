"""A client of uploads and downloads on a stream, and the forms that slicers and browsers send."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests.fakes.transfer_files import TransferHouse

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def answer(self, *, has_body: bool = True) -> Answer:
        while b"\r\n\r\n" not in self._buffer:
            await self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        size = int(headers.get("content-length", 0)) if has_body else 0
        while len(self._buffer) < size:
            await self._receive()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return Answer(int(lines[0].split(" ")[1]), headers, body)

    async def ask(self, data: bytes, *, has_body: bool = True) -> Answer:
        await self.send(data)
        return await self.answer(has_body=has_body)

    async def get(self, target: str, *headers: str, verb: str = "GET") -> Answer:
        lines = [f"{verb} {target} HTTP/1.1", "Host: printer:7125", *headers, "", ""]
        return await self.ask("\r\n".join(lines).encode(), has_body=verb != "HEAD")

    async def ended(self) -> bool:
        """Whether the server closes without another word."""
        return not self._buffer and not await self.stream.receive_some()

    async def _receive(self) -> None:
        data = await self.stream.receive_some()
        assert data, "the server closed"
        self._buffer += data


@asynccontextmanager
async def connected(
    house: TransferHouse, peer: str = "127.0.0.1", port: int = 7125
) -> AsyncIterator[Client]:
    """A client on a socket pair: real sockets, because the kernel sends files on them."""
    near, far = trio.socket.socketpair()
    async with trio.open_nursery() as nursery:
        stream = trio.SocketStream(far)
        nursery.start_soon(partial(house.door.serve_connection, stream, peer, port=port))
        async with trio.SocketStream(near) as client:
            with trio.fail_after(20):
                yield Client(client)
        nursery.cancel_scope.cancel()


def open_descriptors(folder: Path) -> list[str]:
    """Files below a folder that this process holds open, with or without a name."""
    held = (os.path.realpath(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd"))
    return [path for path in held if path.startswith(f"{folder}/")]


def field(name: str, value: str, boundary: bytes = BOUNDARY) -> bytes:
    return part(f'form-data; name="{name}"'.encode(), value.encode(), boundary)


def file(filename: str, data: bytes, boundary: bytes = BOUNDARY) -> bytes:
    return part(f'form-data; name="file"; filename="{filename}"'.encode(), data, boundary)


def part(disposition: bytes, data: bytes, boundary: bytes = BOUNDARY, more: bytes = b"") -> bytes:
    head = b"--" + boundary + b"\r\nContent-Disposition: " + disposition + b"\r\n" + more
    return head + b"\r\n" + data + b"\r\n"


def upload(
    *parts: bytes,
    boundary: bytes = BOUNDARY,
    path: str = "/server/files/upload",
    headers: Sequence[str] = (),
    kind: str = "multipart/form-data; boundary=",
) -> bytes:
    """A whole request."""
    body = b"".join(parts) + b"--" + boundary + b"--\r\n"
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: printer:7125",
        f"Content-Type: {kind}{boundary.decode()}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
