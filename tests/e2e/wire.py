"""Blocking clients made of plain sockets, for tests that drive a daemon of another process.

They know just enough of ETX frames and HTTP/1.1; every wait has a limit, so nothing hangs.
"""

import itertools
import json
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.notification_watch import check
from tests.secrets_watch import heard

PATIENCE_S = 20.0
HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class RpcFailed(Exception):
    """An error as the daemon answered it."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]


class UnixClient:
    """JSON-RPC over the daemon's unix socket; `notices` keeps what came unasked."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))
        self.notices: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._rest = b""
        self._early: dict[Any, dict[str, Any]] = {}  # answers nobody has asked for yet
        self._limit = 0.0

    def __enter__(self) -> "UnixClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def call(self, method: str, **params: Any) -> Any:
        return self.answer(self.ask(method, **params))

    def ask(self, method: str, **params: Any) -> int:
        """Send a request and leave its answer for later."""
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
        self.socket.sendall(json.dumps(request).encode() + b"\x03")
        return number

    def answer(self, number: int) -> Any:
        """The answer to one request; replies may overtake each other."""
        self._limit = time.monotonic() + PATIENCE_S
        while number not in self._early:
            message = self.receive()
            if "method" not in message:
                self._early[message.get("id")] = message
        found = self._early.pop(number)
        if "error" in found:
            raise RpcFailed(found["error"])
        return found["result"]

    def wait_for(self, method: str) -> list[Any]:
        """Params of the first such notification, also of one that came before."""
        self._limit = time.monotonic() + PATIENCE_S
        while True:
            for index, message in enumerate(self.notices):
                if message["method"] == method:
                    del self.notices[: index + 1]
                    return list(message.get("params", []))
            self.receive()

    def receive(self) -> Any:
        """The next message of any kind; raises `ConnectionError` at the end."""
        # Something comes every second, so each single wait is short.
        if time.monotonic() > self._limit > 0:
            raise TimeoutError(f"not within {PATIENCE_S} s")
        while b"\x03" not in self._rest:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the daemon closed the unix socket")
            self._rest += data
        frame, _, self._rest = self._rest.partition(b"\x03")
        heard("reply on a unix socket", frame)
        message = json.loads(frame)
        if isinstance(message, dict) and "method" in message:
            self.notices.append(message)
            check(message, all_declared=True)
        return message


def connect_tcp(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


def open_websocket(port: int, path: bytes = b"/websocket") -> socket.socket:
    """A raw socket behind a finished handshake; nothing answers pings on it."""
    sock = connect_tcp(port)
    sock.sendall(HANDSHAKE % path)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return sock


def client_frame(payload: bytes, opcode: int = 1, fin: bool = True) -> bytes:
    """A masked frame, the mask being zero."""
    size = len(payload)
    first = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return first + bytes([0x80 | size]) + bytes(4) + payload
    if size < 1 << 16:
        return first + b"\xfe" + size.to_bytes(2, "big") + bytes(4) + payload
    return first + b"\xff" + size.to_bytes(8, "big") + bytes(4) + payload


def receive_all(sock: socket.socket) -> bytes:
    """Everything until the daemon closes; a reset is an end as well."""
    received = b""
    try:
        while data := sock.recv(1 << 16):
            received += data
    except ConnectionError:
        pass
    heard("reply on a raw socket", received)
    return received
