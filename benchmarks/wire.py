"""Bytes of the three ways in: prepared requests, and cutters that find whole answers.

Pure. Written by hand rather than with a client library, because a generator that costs more
than the server would measure itself.
"""

import json
import os
from typing import Any, Protocol

_CLOSE, _PING = 8, 9
HEAD_END = b"\r\n\r\n"


class JunkFromServer(Exception):
    """The daemon sent bytes that are no answer of this kind."""


class Cutter(Protocol):
    """Finds whole messages in a stream; one per connection."""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that `data` completes."""


def rpc(method: str, call_id: int | str, params: dict[str, Any] | None = None) -> bytes:
    """One JSON-RPC request, compact."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "id": call_id}
    if params is not None:
        message["params"] = params
    return json.dumps(message, separators=(",", ":")).encode()


def client_frame(payload: bytes, opcode: int = 1) -> bytes:
    """One masked, unfragmented websocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2)
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8)
    key = os.urandom(4)
    mask = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload) ^ int.from_bytes(mask)
    return head + key + masked.to_bytes(size)


def handshake(path: str, host: str) -> bytes:
    """The request that turns a TCP connection into a websocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: bXJrIGJlbmNobWFya3MhIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def http_get(path: str, host: str) -> bytes:
    """A GET on a connection that stays open."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode()


class WebsocketCutter:
    """Data messages of a server, whose frames are neither masked nor fragmented.

    `pings` holds payloads that want a pong; `close_code` is set by a close frame.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.pings: list[bytes] = []
        self.close_code: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads of the data frames that `data` completes."""
        data = self._rest + data
        found: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= 2:
            size = data[at + 1]
            start = at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                start += width
                if start > end:
                    break
                size = int.from_bytes(data[at + 2 : start])
            if start + size > end:
                break
            opcode, payload = data[at] & 0x0F, data[start : start + size]
            if opcode < _CLOSE:
                found.append(payload)
            else:
                self._on_control(opcode, payload)
            at = start + size
        self._rest = data[at:]
        return found

    def _on_control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self.pings.append(payload)
        elif opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2]) if payload else 1005


class EtxCutter:
    """Messages ended by byte 0x03, on the unix socket and on Klippy's."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that `data` completes, without their ETX."""
        *found, self._rest = (self._rest + data).split(b"\x03")
        return found


class HttpCutter:
    """Bodies of responses that state their length; raises `JunkFromServer` for others."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that `data` completes."""
        self._rest += data
        found: list[bytes] = []
        while (head_end := self._rest.find(HEAD_END)) >= 0:
            start = head_end + len(HEAD_END)
            end = start + content_length(self._rest[:head_end])
            if end > len(self._rest):
                break
            found.append(self._rest[start:end])
            self._rest = self._rest[end:]
        return found


def content_length(head: bytes) -> int:
    """Body size that the head of a 200 states; raises `JunkFromServer` for others."""
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0 or not lowered.startswith(b"http/1.1 200"):
        raise JunkFromServer(head.decode(errors="replace"))
    return int(lowered[at + 17 :].split(b"\r\n", 1)[0])
