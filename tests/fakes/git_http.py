"""Repositories over HTTP: git's own `http-backend` behind a CGI server on loopback.

`fault` lets the server say something else from now on. `/moved/NAME` redirects to `/NAME`.
"""

import base64
import contextlib
import enum
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.git_repos import ENVIRONMENT

_MOVED = "/moved/"


class Fault(enum.Enum):
    """What is wrong with every answer."""

    NONE = "none"
    PRIVATE = "401"
    BROKEN = "503"
    CUT = "the connection ends in the middle of the objects"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: "GitHttp"

    def do_GET(self) -> None:
        if self.path.startswith(_MOVED):
            self._end(301, Location=self.path.removeprefix("/moved"))
        elif self.server.fault is Fault.PRIVATE and not self._is_let_in():
            self._end(401, WWW_Authenticate='Basic realm="private"')
        elif self.server.fault is Fault.BROKEN:
            self._end(503)
        else:
            self._run()

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _is_let_in(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        login = self.server.login
        return login is not None and base64.b64decode(given).decode() == login

    def _end(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _run(self) -> None:
        path, _, query = self.path.partition("?")
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environ = {
            **os.environ,
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(given)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=given, env=environ, capture_output=True, check=False
        )
        self._answer(done.stdout)

    def _answer(self, said: bytes) -> None:
        head, _, body = said.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.fault is Fault.CUT and b"PACK" in body:
            body = body[: body.index(b"PACK") + 40]
            self.close_connection = True
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


class GitHttp(http.server.ThreadingHTTPServer):
    """Serves the repositories in `folder`; `login` opens private ones."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.fault = Fault.NONE
        self.login: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def open_git_http(folder: Path) -> Iterator[GitHttp]:
    """Serving while the block lasts."""
    with GitHttp(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
