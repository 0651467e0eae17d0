"""Who is refused learns why, and what its owner can set; so does the owner, in the log."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.e2e.processes import NOBODY, DaemonProcess, run_daemon
from tests.e2e.test_client_libraries import IDENTITY, Socket

pytestmark = pytest.mark.e2e
EVIL = "http://evil.example"
PUBLIC = {"Host": "printer.example.com"}


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with run_daemon(tmp_path_factory.mktemp("trusting")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with run_daemon(tmp_path_factory.mktemp("closed"), trusted=NOBODY) as daemon:
        yield daemon


def reach(daemon: DaemonProcess) -> socket.socket:
    """A connection for addresses with a name that leads elsewhere."""
    return socket.create_connection(("127.0.0.1", daemon.port), timeout=20)


def refused(
    daemon: DaemonProcess, verb: str = "GET", path: str = "/server/info", **more: Any
) -> str:
    answer = httpx.request(verb, daemon.url + path, timeout=20, **more)
    assert answer.status_code in (401, 403)
    assert answer.reason_phrase
    return str(answer.json()["error"]["message"])


def handshake_refused(url: str, **more: Any) -> str:
    with pytest.raises(InvalidStatus) as failed, connect(url, **more):
        pass
    return (failed.value.response.body or b"").decode()


def first_error(connection: Any, method: str) -> dict[str, Any]:
    connection.send(json.dumps({"jsonrpc": "2.0", "method": method, "id": 99}))
    error = json.loads(connection.recv(timeout=20))["error"]
    assert isinstance(error, dict)
    return error


def test_refused_for_the_host(trusting: DaemonProcess) -> None:
    upload = {"files": {"file": ("a.gcode", b"G28")}}
    for text in (
        refused(trusting, headers=PUBLIC),
        refused(trusting, "POST", "/server/files/upload", headers=PUBLIC, **upload),
        refused(trusting, path="/server/files/gcodes/calibration_cube.gcode", headers=PUBLIC),
        refused(trusting, "POST", "/server/jsonrpc", headers=PUBLIC, json={}),
    ):
        assert "allowed_hosts in [authorization]" in text
        assert "trusted_proxies" in text
    bridge = f"ws://printer.example.com:{trusting.port}/klippysocket"
    assert "allowed_hosts" in handshake_refused(bridge, sock=reach(trusting))


def test_refused_for_the_origin(trusting: DaemonProcess) -> None:
    text = refused(trusting, "POST", "/server/restart", headers={"Origin": EVIL})
    assert "cors_domains in [authorization]" in text
    text = handshake_refused(trusting.websocket_url, origin=Origin(EVIL))
    assert EVIL in text
    assert "cors_domains in [authorization]" in text


def test_refused_for_the_address(closed: DaemonProcess) -> None:
    upload = {"files": {"file": ("a.gcode", b"G28")}}
    for text in (
        refused(closed),
        refused(closed, "POST", "/server/files/upload", **upload),
        refused(closed, path="/server/files/gcodes/calibration_cube.gcode"),
        handshake_refused(closed.websocket_url.replace("websocket", "klippysocket")),
    ):
        assert "127.0.0.1 is not among trusted_clients in [authorization]" in text
    with connect(closed.websocket_url) as connection:
        error = first_error(connection, "server.info")
        assert (error["code"], error["message"]) == (-32602, "Unauthorized")
        assert "trusted_clients" in error["data"]


def test_a_public_host_opens_a_socket_whose_calls_say_why(trusting: DaemonProcess) -> None:
    port = trusting.port
    with trusting.connect() as local:
        person = {"username": "ann", "password": "correct horse"}
        token = local.call("access.post_user", **person)["token"]
    origin = Origin(f"http://printer.example.com:{port}")
    url = f"ws://printer.example.com:{port}/websocket"
    with connect(url, origin=origin, sock=reach(trusting)) as connection:
        error = first_error(connection, "printer.emergency_stop")
        assert error["code"] == 403
        assert "allowed_hosts in [authorization], or log in" in error["message"]
        client = Socket(connection)
        assert client.call("access.info")["authorized"] is False
        client.call("server.connection.identify", **IDENTITY, access_token=token)
        assert client.call("server.info")["websocket_count"] >= 1


def test_the_log_says_it_once(closed: DaemonProcess) -> None:
    for _ in range(20):
        refused(closed)
        with connect(closed.websocket_url) as connection:
            first_error(connection, "server.info")
            first_error(connection, "printer.info")
        handshake_refused(closed.websocket_url, origin=Origin(EVIL))
    with closed.connect() as local:
        local.call("server.info")
    log = (closed.folder / "logs" / "moonraker.log").read_text()
    lines = [line for line in log.splitlines() if "refused 127.0.0.1" in line]
    # Over HTTP and over the socket for one reason.
    assert len([line for line in lines if "trusted_clients" in line]) == 1
    assert len([line for line in lines if "cors_domains" in line]) == 1
    assert len(lines) == 2
