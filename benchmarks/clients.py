"""Clients of the load generator: one raw socket each, on the websocket, the unix socket or HTTP.

Setting up blocks, with a deadline; afterwards the socket does not block and `load.py` or `crowd.py`
waits for it. Closing the client closes its socket.
"""

import contextlib
import json
import resource
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks import wire

_SETUP_S = 10.0
_CHUNK_BYTES = 262_144
_SPARE_DESCRIPTORS = 100
HOST = "127.0.0.1"


class Lost(Exception):
    """The daemon closed a connection that should have stayed, or said something else."""


class Client:
    """A connected socket, its cutter, and how its requests are framed."""

    def __init__(self, sock: socket.socket, cutter: wire.Cutter) -> None:
        self.socket = sock
        self.cutter = cutter
        self._calls = 0

    @classmethod
    def websocket(cls, port: int, path: str = "/websocket", receive_bytes: int = 0) -> Self:
        """A websocket; `receive_bytes` makes the kernel's receive buffer small."""
        sock = _tcp(port, receive_bytes)
        sock.sendall(wire.handshake(path, f"{HOST}:{port}"))
        head = b""
        while wire.HEAD_END not in head:
            head += _receive(sock)
        head, _, rest = head.partition(wire.HEAD_END)
        if not head.startswith(b"HTTP/1.1 101"):
            sock.close()
            raise Lost(head.split(b"\r\n")[0].decode(errors="replace"))
        client = cls(sock, wire.WebsocketCutter())
        client.cutter.feed(rest)
        return client

    @classmethod
    def unix(cls, path: Path) -> Self:
        """A client of the daemon's unix socket."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(_SETUP_S)
        sock.connect(str(path))
        return cls(sock, wire.EtxCutter())

    @classmethod
    def http(cls, port: int) -> Self:
        """A keep-alive HTTP connection."""
        return cls(_tcp(port), wire.HttpCutter())

    def frame(self, message: bytes) -> bytes:
        """One JSON message as this transport sends it."""
        if isinstance(self.cutter, wire.WebsocketCutter):
            return wire.client_frame(message)
        return message + b"\x03"

    def call(
        self, method: str, params: dict[str, Any] | None = None, *, limit_s: float = _SETUP_S
    ) -> Any:
        """Ask and wait, for setting up; raises `Lost` for an error, TimeoutError for silence."""
        self._calls += 1
        call_id = f"setup {self._calls}"
        self.socket.settimeout(limit_s)
        self.socket.sendall(self.frame(wire.rpc(method, call_id, params)))
        while True:
            for message in self.cutter.feed(_receive(self.socket)):
                answer = json.loads(message)
                if answer.get("id") == call_id:
                    return _result(method, answer)
            self.answer_pings()

    def identify(self) -> None:
        """Say who this is, as every front end does."""
        self.call(
            "server.connection.identify",
            {"client_name": "bench", "version": "1", "type": "other", "url": "http://localhost"},
        )

    def receive(self) -> list[bytes]:
        """Whole messages that have arrived; raises `Lost` at the end, BlockingIOError before."""
        found = self.cutter.feed(_receive(self.socket))
        self.answer_pings()
        return found

    def answer_pings(self) -> None:
        """Send the pongs that are owed."""
        if isinstance(self.cutter, wire.WebsocketCutter) and self.cutter.pings:
            for payload in self.cutter.pings:
                self.socket.sendall(wire.client_frame(payload, opcode=10))
            self.cutter.pings.clear()

    def close(self) -> None:
        """Drop the connection without a goodbye."""
        self.socket.close()


def allow_sockets(count: int) -> None:
    """Have this process hold so many at once; raises `Lost` where the system does not let it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Lost(f"this system allows {hard} open files, {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _tcp(port: int, receive_bytes: int = 0) -> socket.socket:
    sock = socket.socket()
    sock.settimeout(_SETUP_S)
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.connect((HOST, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _receive(sock: socket.socket) -> bytes:
    try:
        data = sock.recv(_CHUNK_BYTES)
    except ConnectionError as exc:
        raise Lost(str(exc)) from exc
    if not data:
        raise Lost("the daemon closed the connection")
    return data


def _result(method: str, answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise Lost(f"{method}: {answer['error']}")
    return answer["result"]


@contextlib.contextmanager
def closing(clients: Sequence[Client]) -> Iterator[None]:
    """Close all of them at the end of the block."""
    try:
        yield
    finally:
        for client in clients:
            client.close()
