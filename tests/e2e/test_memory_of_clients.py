"""What clients that pour and never read cost the process, and that it gives the memory back."""

import json
import socket
import struct
import time
from pathlib import Path

import pytest

from tests.e2e.processes import LOOPBACK, NOBODY, DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import HANDSHAKE, PATIENCE_S

pytestmark = pytest.mark.e2e

CLIENTS = 100
MIB = 1024 * 1024


def frame(payload: bytes) -> bytes:
    if len(payload) < 126:
        return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
    if len(payload) < 65536:
        return b"\x81\xfe" + struct.pack(">H", len(payload)) + bytes(4) + payload
    return b"\x81\xff" + struct.pack(">Q", len(payload)) + bytes(4) + payload


def call(method: str, **params: object) -> bytes:
    request = {"jsonrpc": "2.0", "method": method, "id": "x" * 400, "params": params}
    return frame(json.dumps(request).encode())


def websocket(daemon: DaemonProcess, number: int = 0) -> socket.socket:
    """A client of one of eight addresses, its handshake done."""
    client = socket.create_connection(
        ("127.0.0.1", daemon.port), PATIENCE_S, (f"127.0.0.{number % 8 + 1}", 0)
    )
    client.sendall(HANDSHAKE % b"/websocket")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(1)
    assert answer.startswith(b"HTTP/1.1 101 ")
    return client


def pour(clients: list[socket.socket], data: bytes) -> None:
    """Send until nothing is taken any more, by anybody, for half a second."""
    rest = dict.fromkeys(clients, data)
    for client in clients:
        client.setblocking(False)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        for client, part in rest.items():
            try:
                sent = client.send(part)
            except BlockingIOError:
                continue
            rest[client] = part[sent:] or data
            end = time.monotonic() + 0.5


def wait_rss_below(daemon: DaemonProcess, limit: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while (held := daemon.process.rss_bytes()) > limit:
        assert time.monotonic() < end, f"{held / MIB:.0f} MiB are kept"
        time.sleep(0.1)


@pytest.mark.parametrize(("trusted", "most"), [(NOBODY, 40 * MIB), (LOOPBACK, 100 * MIB)])
def test_clients_that_pour_and_never_read(tmp_path: Path, trusted: str, most: int) -> None:
    with run_daemon(tmp_path, trusted=trusted) as daemon:
        websocket(daemon).close()
        before = daemon.process.rss_bytes()
        clients = [websocket(daemon, number) for number in range(CLIENTS)]
        pour(clients, call("server.info") * 20)
        assert daemon.process.rss_bytes() < before + most
        for client in clients:
            client.close()
        wait_rss_below(daemon, before + 20 * MIB)


def subscribe(client: socket.socket, **objects: None) -> dict[str, object]:
    client.sendall(call("printer.objects.subscribe", objects=objects))
    client.settimeout(PATIENCE_S)
    stream = client.makefile("rb")
    while True:
        size = stream.read(2)[1]
        size = int.from_bytes(stream.read({126: 2, 127: 8}.get(size, 0))) or size
        message: dict[str, object] = json.loads(stream.read(size) or b"{}")
        if "id" in message:
            return message


def test_subscriptions_of_unknown_objects(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, run_printer(tmp_path):
        daemon.wait_klippy()
        with websocket(daemon) as client:
            refused = subscribe(client, **{f"unknown {number}": None for number in range(1001)})
            assert "more than 1000 printer objects" in json.dumps(refused["error"])
            assert "result" in subscribe(client, toolhead=None)
        before = daemon.process.rss_bytes()
        for number in range(10):
            with websocket(daemon) as client:
                names = {f"unknown {number} {name} {'x' * 60}": None for name in range(1000)}
                assert "result" in subscribe(client, **names)
        wait_rss_below(daemon, before + 20 * MIB)


def test_openssl_is_not_loaded_before_it_is_needed(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, run_printer(tmp_path):
        daemon.wait_klippy()
        with websocket(daemon) as client:
            assert "result" in subscribe(client, toolhead=None)
        maps = Path(f"/proc/{daemon.process.popen.pid}/maps").read_text()
    assert "python" in maps
    assert "libcrypto" not in maps


def test_an_idle_websocket_takes_little(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon:
        clients = [websocket(daemon, number) for number in range(100)]
        before = daemon.process.rss_bytes()
        clients += [websocket(daemon, number) for number in range(400)]
        each = (daemon.process.rss_bytes() - before) / 400
        for client in clients:
            client.close()
    # 9 kB by itself, 21 kB when each had tasks for its output and its pings.
    assert each < 14_000
