"""An HTTP server in a thread that takes whatever is sent to it, as webhooks do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """One that came."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes


class HookServer:
    """`status` is the answer to all requests; while `gate` is not set none is answered."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                assert self.command is not None
                outer.requests.append(Request(self.command, self.path, headers, body))
                outer.gate.wait(30)
                self.send_response(outer.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_PUT = _take

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def hook_server() -> Iterator[HookServer]:
    """Serving while the block lasts."""
    server = HookServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
