"""`python -m benchmarks.spoolman PORT`: as much of a Spoolman server as an idle daemon meets.

Says on its API that it is one, and keeps a websocket open, answering pings; it has no spools.
"""

import base64
import contextlib
import hashlib
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.clients import HOST
from benchmarks.daemon import DaemonFailed
from nurseries.process.free_ports import free_port

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PATIENCE_S = 10.0
_PING, _PONG, _CLOSE = 9, 10, 8
_INFO = b'{"version": "0.22.1"}'
_NOT_FOUND = b'{"message": "Not Found"}'


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        target = self.rfile.readline().split()[1]
        headers = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        key = headers.get(b"sec-websocket-key")
        if key is not None:
            self._websocket(key)
        elif target == b"/api/v1/info":
            self._answer(b"200 OK", _INFO)
        else:
            self._answer(b"404 Not Found", _NOT_FOUND)

    def _answer(self, status: bytes, body: bytes) -> None:
        self.wfile.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%s" % (status, len(body), body)
        )

    def _websocket(self, key: bytes) -> None:
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
        )
        while head := self.rfile.read(2):
            # A client sends control frames alone: short, whole and masked.
            mask = self.rfile.read(4)
            payload = self.rfile.read(head[1] & 0x7F)
            plain = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
            kind = head[0] & 0x0F
            if kind in (_PING, _CLOSE):
                answer = _PONG if kind == _PING else _CLOSE
                self.wfile.write(bytes([0x80 | answer, len(plain)]) + plain)
            if kind == _CLOSE:
                return


@contextlib.contextmanager
def open_spoolman() -> Iterator[int]:
    """The server as a process of its own; yields its port. Raises `DaemonFailed`."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.spoolman", str(port)])
    try:
        limit = time.monotonic() + _PATIENCE_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed("the stand-in for Spoolman does not listen")
            time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    # A connection that says nothing would end with a traceback.
    with socket.socket() as sock:
        try:
            sock.connect((HOST, port))
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        except ConnectionRefusedError:
            return False
        sock.recv(1024)
    return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with _Server((HOST, int(sys.argv[1])), _Connection) as server:
        server.serve_forever()
