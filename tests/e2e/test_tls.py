"""TLS over a whole daemon: every kind of client, a certificate that changes, clients that stall."""

import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from nurseries.process.free_ports import free_port
from tests.e2e.processes import DaemonProcess, run_daemon
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e
CONTENT = os.urandom(3_000_000)


def issue(folder: Path) -> Path:
    """A new certificate and its key in a data folder; returns a copy to trust."""
    certs = folder / "certs"
    certs.mkdir(parents=True, exist_ok=True)
    pair = (certs / "moonraker.cert", certs / "moonraker.key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(pair[0]), "-keyout", str(pair[1])]
    subprocess.run(command, check=True, capture_output=True)
    copy = folder / f"trusted-{time.monotonic_ns()}.pem"
    copy.write_bytes(pair[0].read_bytes())
    return copy


class Secure:
    """A daemon and its `ssl_port`."""

    def __init__(self, daemon: DaemonProcess, port: int) -> None:
        self.daemon = daemon
        self.port = port

    def http(self, certificate: Path) -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(certificate))
        url = f"https://127.0.0.1:{self.port}"
        return httpx.Client(verify=trust, base_url=url, timeout=PATIENCE_S)

    def websocket(self, certificate: Path) -> ClientConnection:
        trust = ssl.create_default_context(cafile=str(certificate))
        return connect(f"wss://127.0.0.1:{self.port}/websocket", ssl=trust)

    def shown(self) -> str:
        """The certificate that new connections get."""
        return ssl.get_server_certificate(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def restart(self) -> None:
        with self.daemon.connect() as client:
            client.call("server.restart")
        self.daemon.notices.until("READY=1")

    def warnings(self) -> str:
        with self.daemon.connect() as client:
            return " ".join(client.call("server.info")["warnings"])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return issue(tmp_path)


@pytest.fixture
def secure(tmp_path: Path, certificate: Path) -> Iterator[Secure]:
    port = free_port()
    with run_daemon(tmp_path, f"ssl_port: {port}") as daemon:
        yield Secure(daemon, port)


def call(socket: ClientConnection, method: str, **params: Any) -> Any:
    socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    while (message := json.loads(socket.recv(timeout=PATIENCE_S))).get("id") != 1:
        pass
    return message["result"]


def notice(socket: ClientConnection, method: str) -> Any:
    while (message := json.loads(socket.recv(timeout=PATIENCE_S))).get("method") != method:
        pass
    return message["params"]


def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=PATIENCE_S)


def test_every_client(secure: Secure, certificate: Path) -> None:
    with secure.http(certificate) as http, secure.websocket(certificate) as websocket:
        assert http.get("/server/info").json()["result"]["klippy_state"] == "disconnected"
        assert call(websocket, "server.info")["websocket_count"] >= 1
        files = {"file": ("big.gcode", CONTENT)}
        answer = http.post("/server/files/upload", data={"path": "folder"}, files=files)
        assert answer.status_code == 201
        assert answer.headers["location"] == (
            f"https://127.0.0.1:{secure.port}/server/files/gcodes/folder/big.gcode"
        )
        assert notice(websocket, "notify_filelist_changed")[0]["item"]["root"] == "gcodes"
        path = "/server/files/gcodes/folder/big.gcode"
        assert http.get(path).content == CONTENT
        part = http.get(path, headers={"Range": "bytes=1000000-2999998"})
        assert (part.status_code, part.content) == (206, CONTENT[1_000_000:2_999_999])
        assert http.get("/").status_code == 200
        posted = {"namespace": "test", "key": "a", "value": "x" * 200_000}
        assert http.post("/server/database/item", json=posted).is_success
        assert call(websocket, "server.database.get_item", namespace="test", key="a") == posted
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://127.0.0.1:{secure.daemon.port}/", timeout=PATIENCE_S)


def test_an_event_stream(secure: Secure, certificate: Path) -> None:
    with secure.http(certificate) as http, http.stream("GET", "/server/events") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event: ")) == "event: replay"
        secure.restart()
        # What has been said arrives whole, and the stream ends.
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        assert events[0]["continuity"] == "begun"


def test_a_renewed_certificate(secure: Secure, certificate: Path, tmp_path: Path) -> None:
    assert secure.shown() == certificate.read_text()
    renewed = issue(tmp_path)
    assert secure.shown() == certificate.read_text()
    with secure.websocket(certificate) as websocket:
        secure.restart()
        with pytest.raises(ConnectionClosed) as closed:
            read_to_the_end(websocket)
        assert closed.value.rcvd is None
    assert secure.shown() == renewed.read_text()
    with secure.http(renewed) as http, secure.websocket(renewed) as websocket:
        assert http.get("/server/info").is_success
        assert call(websocket, "server.info")["failed_components"] == []
    with pytest.raises(httpx.ConnectError), secure.http(certificate) as http:
        http.get("/server/info")


def test_a_broken_pair_leaves_the_old_one(
    secure: Secure, certificate: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = issue(tmp_path / "other")
    served = tmp_path / "certs" / "moonraker.cert"
    for broken in (other.read_bytes(), b"no certificate"):
        served.write_bytes(broken)  # the key is still the old one's
        secure.restart()
        assert "cannot be used for TLS" in secure.warnings()
        assert secure.shown() == certificate.read_text()
        with secure.http(certificate) as http:
            assert http.get("/server/info").is_success
    served.write_bytes(certificate.read_bytes())
    secure.restart()
    assert "TLS" not in secure.warnings()
    assert secure.shown() == certificate.read_text()


def test_a_certificate_that_comes_and_goes(tmp_path: Path) -> None:
    port = free_port()
    with run_daemon(tmp_path, f"ssl_port: {port}") as daemon:
        secure = Secure(daemon, port)
        with pytest.raises(ConnectionRefusedError):
            secure.shown()
        certificate = issue(tmp_path)
        secure.restart()
        with secure.http(certificate) as http:
            assert http.get("/server/info").is_success
        (tmp_path / "certs" / "moonraker.cert").unlink()
        secure.restart()
        with pytest.raises(ConnectionRefusedError):
            secure.shown()
        assert httpx.get(f"{daemon.url}/server/info", timeout=PATIENCE_S).is_success


def test_the_end_does_not_wait_for_stalled_clients(secure: Secure, certificate: Path) -> None:
    (secure.daemon.folder / "gcodes" / "big.gcode").write_bytes(bytes(30_000_000))
    trust = ssl.create_default_context(cafile=str(certificate))
    silent = socket.create_connection(("127.0.0.1", secure.port), PATIENCE_S)
    stalled = trust.wrap_socket(
        socket.create_connection(("127.0.0.1", secure.port), PATIENCE_S),
        server_hostname="127.0.0.1",
    )
    with silent, stalled, secure.websocket(certificate) as websocket:
        stalled.sendall(b"GET /server/files/gcodes/big.gcode HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert stalled.recv(12) == b"HTTP/1.1 200"
        assert call(websocket, "server.info")
        code, took_s = secure.daemon.process.end()
    assert code == 0, secure.daemon.process.said()
    assert took_s < 2.0
