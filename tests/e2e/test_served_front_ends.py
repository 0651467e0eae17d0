"""Front ends of a whole daemon: ports of their own, restarts, TLS, sockets of systemd."""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from nurseries.process.free_ports import free_port
from tests.e2e.processes import NO_SERVICES, ROOT, DaemonProcess, configure, run_daemon
from tests.e2e.test_tls import issue
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / f"front-{name}"
        (folder / "assets").mkdir(parents=True)
        (folder / "index.html").write_text(f"<p>{name}")
        (folder / "assets/a-AbCd1234.js").write_bytes(name.encode() * 100_000)
        found.append(folder)
    return found


def page(port: int, path: str = "/") -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S)


def restart(daemon: DaemonProcess) -> None:
    with daemon.connect() as client:
        client.call("server.restart")
    daemon.notices.until("READY=1")


def warnings(daemon: DaemonProcess) -> list[str]:
    with daemon.connect() as client:
        found: list[str] = client.call("server.info")["warnings"]
        return found


def test_ports_and_restarts(tmp_path: Path, folders: list[Path]) -> None:
    one, two = free_port(), free_port()
    sections = f"[frontend]\npath: {folders[0]}\n[frontend two]\npath: {folders[1]}\nport: {two}\n"
    sections += NO_SERVICES
    with run_daemon(tmp_path / "data", sections=sections) as daemon:
        for _ in range(2):
            assert page(daemon.port).text == "<p>one"
            assert page(two).text == "<p>two"
            assert page(two, "/a/deep/link").text == "<p>two"
            script = page(two, "/assets/a-AbCd1234.js")
            assert script.content == b"two" * 100_000
            # The API is on each port.
            assert page(two, "/server/info").json()["result"]["failed_components"] == []
            assert page(two, "/server/nothing").status_code == 404
            with connect(f"ws://127.0.0.1:{two}/websocket") as websocket:
                websocket.send(json.dumps({"jsonrpc": "2.0", "method": "server.info", "id": 1}))
                while "result" not in (told := json.loads(websocket.recv(PATIENCE_S))):
                    pass
                assert "frontend" in told["result"]["components"]
            restart(daemon)
        assert warnings(daemon) == []
        # Another port at a restart.
        configuration = tmp_path / "data/config/moonraker.conf"
        text = configuration.read_text()
        configuration.write_text(text.replace(f"port: {two}\n", f"port: {one}\n"))
        restart(daemon)
        assert page(one).text == "<p>two"
        with pytest.raises(httpx.ConnectError):
            page(two)


def test_what_cannot_be_had_is_told(tmp_path: Path, folders: list[Path]) -> None:
    (folders[1] / "index.html").unlink()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        sections = (
            f"[frontend]\npath: {folders[0]}\nport: {taken}\n"
            f"[frontend two]\npath: {folders[1]}\nprefix: /two\n"
        )
        with run_daemon(tmp_path / "data", sections=sections) as daemon:
            told = " ".join(warnings(daemon))
            assert f"Port {taken} of [frontend] is in use" in told
            assert f"no front end in {folders[1]}" in told
            assert page(daemon.port).text == "<p>one"
            assert page(daemon.port, "/two/").status_code == 404
            (folders[1] / "index.html").write_text("<p>back")
            assert page(daemon.port, "/two/").text == "<p>back"
            assert f"no front end in {folders[1]}" not in " ".join(warnings(daemon))


def test_tls_and_the_way_to_it(tmp_path: Path, folders: list[Path]) -> None:
    plain, secure = free_port(), free_port()
    sections = (
        f"[frontend]\npath: {folders[0]}\nport: {plain}\nssl_port: {secure}\n"
        "redirect_to_https: yes\n"
    )
    data = tmp_path / "data"
    with run_daemon(data, f"ssl_port: {free_port()}", sections=sections) as daemon:
        assert page(plain).text == "<p>one"  # no certificate, no way to HTTPS
        certificate = issue(data)
        restart(daemon)
        moved = page(plain, "/config?x=1")
        assert moved.status_code == 307
        assert moved.headers["location"] == f"https://127.0.0.1:{secure}/config?x=1"
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(verify=trust, timeout=PATIENCE_S) as client:
            assert client.get(moved.headers["location"]).text == "<p>one"
            large = client.get(f"https://127.0.0.1:{secure}/assets/a-AbCd1234.js")
            assert large.content == b"one" * 100_000
        assert page(plain, "/server/info").status_code == 200


def test_a_socket_that_systemd_opened(tmp_path: Path, folders: list[Path]) -> None:
    """As sd_listen_fds(3) says: descriptor 3, and the number of the process in LISTEN_PID."""
    data = tmp_path / "data"
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        configure(data, sections=f"[frontend]\npath: {folders[0]}\nport: {port}\n")
        os.set_inheritable(listening.fileno(), True)
        command = (
            f"exec 3<&{listening.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; "
            f"exec {sys.executable} -m mrk -d {data}"
        )
        process = subprocess.Popen(["bash", "-c", command], close_fds=False, cwd=ROOT)
        try:
            # Who connects before it is up waits, and is served.
            assert page(port).text == "<p>one"
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
        # It is not mrk's to close.
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S):
            pass


def test_a_first_visit_while_it_restarts(tmp_path: Path, folders: list[Path]) -> None:
    port = free_port()
    sections = f"[frontend]\npath: {folders[0]}\nport: {port}\n"
    with run_daemon(tmp_path / "data", sections=sections) as daemon, daemon.connect() as client:
        client.call("server.restart")
        until = time.monotonic() + 2
        asked = 0
        while time.monotonic() < until or asked < 2:
            assert page(port).text == "<p>one"
            asked += 1
        daemon.notices.until("READY=1")
