"""Servers of the outside world at their worst, on loopback ports, in threads of their own."""

import contextlib
import itertools
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

PATIENCE_S = 10.0
JUNK = bytes(range(256)) * 4096
CONNACK = b"\x20\x02\x00\x00"
HUGE_BYTES = 10 * 1024 * 1024
BURST = 1000


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[socketserver.BaseRequestHandler], **told: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.told = told
        self.visits = itertools.count()
        self.visited = threading.Semaphore(0)
        self.ending = threading.Event()

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Whoever is attacked may leave at any moment."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def wait_visits(self, number: int) -> None:
        """Return once so many connections have come, besides those waited for before."""
        for _ in range(number):
            assert self.visited.acquire(timeout=PATIENCE_S), "nobody comes any more"


class _Visit(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.settimeout(PATIENCE_S)
        self.server.visited.release()
        with contextlib.suppress(OSError):
            self.attack(next(self.server.visits))

    def attack(self, number: int) -> None:
        """Do the worst; the connection ends with it."""
        raise NotImplementedError

    def stay(self) -> None:
        """Say nothing more until the server ends."""
        self.server.ending.wait(PATIENCE_S)


class _Broker(_Visit):
    """Says yes to whoever comes, and then in turn: floods, sends junk, says nothing, hangs up."""

    def attack(self, number: int) -> None:
        self.request.recv(4096)
        self.request.sendall(CONNACK)
        match number % 4:
            case 0:
                topic = self.server.told["topic"]
                calls = (json.dumps(_call(index)).encode() for index in range(BURST))
                self.request.sendall(b"".join(published(topic, call) for call in calls))
                self.request.sendall(published(topic, b"x" * HUGE_BYTES))
            case 1:
                self.request.sendall(JUNK)
            case 2:
                self.stay()


def _call(index: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "server.info", "id": index}


def published(topic: str, payload: bytes) -> bytes:
    """An MQTT PUBLISH packet of QoS 0."""
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + payload
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return b"\x30" + bytes(digits) + body


class _Spoolman(_Visit):
    """HTML, 500, half an answer, none, a websocket that stops in the middle: in turn."""

    def attack(self, number: int) -> None:
        asked = self.request.recv(4096)
        if b"upgrade: websocket" in asked.lower():
            self.request.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")
            self.request.shutdown(socket.SHUT_WR)
            self.stay()
            return
        match number % 4:
            case 0:
                self.request.sendall(_http("200 OK", b"<html>a login page</html>"))
            case 1:
                self.request.sendall(_http("500 Internal Server Error", b"no JSON"))
            case 2:
                self.request.sendall(_http("200 OK", JUNK)[:1000])
            case 3:
                self.stay()


def _http(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Device(_Visit):
    """HTML, half a JSON, 10 MB, a redirect elsewhere, an answer letter by letter, none: in turn."""

    def attack(self, number: int) -> None:
        self.request.recv(4096)
        match number % 6:
            case 0:
                self.request.sendall(_http("200 OK", b"<html>a login page</html>"))
            case 1:
                self.request.sendall(_http("200 OK", b'{"POWER": "O'))
            case 2:
                self.request.sendall(_http("200 OK", b"[" * HUGE_BYTES))
            case 3:
                elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\n"
                self.request.sendall(f"{elsewhere}Content-Length: 0\r\n\r\n".encode())
            case 4:
                for letter in _http("200 OK", b'{"POWER": "ON"}'):
                    self.request.sendall(bytes([letter]))
                    if self.server.ending.wait(0.2):
                        return
            case 5:
                self.stay()


class _Silent(_Visit):
    """Takes connections and never says a word: an LDAP server that hangs."""

    def attack(self, number: int) -> None:
        self.stay()


@contextlib.contextmanager
def _served(handler: type[_Visit], **told: Any) -> Iterator[_Server]:
    with _Server(handler, **told) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.ending.set()
            server.shutdown()
            thread.join(PATIENCE_S)


def hostile_broker(topic: str) -> contextlib.AbstractContextManager[_Server]:
    """An MQTT broker whose messages go to `topic`."""
    return _served(_Broker, topic=topic)


def hostile_spoolman() -> contextlib.AbstractContextManager[_Server]:
    """A Spoolman that never gives an answer that can be used."""
    return _served(_Spoolman)


def hostile_device() -> contextlib.AbstractContextManager[_Server]:
    """A power device, a light or a webhook that never gives an answer that can be used."""
    return _served(_Device)


def silent_server() -> contextlib.AbstractContextManager[_Server]:
    """Whatever is expected of it, it does not come."""
    return _served(_Silent)
