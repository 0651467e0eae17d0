"""Bodies and messages that hold very many values, while a second client stops the printer.

Whatever is poured in, an emergency stop and `server.info` are answered within 0.1 s, and the
daemon's memory stays within its bounds.
"""

import contextlib
import json
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, DaemonProcess, run_demo
from tests.e2e.wire import (
    PATIENCE_S,
    client_frame,
    connect_tcp,
    open_websocket,
    receive_all,
)

pytestmark = pytest.mark.e2e
ANSWERED_WITHIN_S = 0.1
GROWTH_BYTES = 60 * 1024 * 1024  # for each client that floods
MB = 1_000_000


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with run_demo(tmp_path_factory.mktemp("floods")) as daemon:
        with connect_tcp(daemon.port) as sock:  # the process of the page is started now
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert receive_all(sock).startswith(b"HTTP/1.1 200")
        yield daemon


@contextlib.contextmanager
def stoppable(
    daemon: DaemonProcess, clients: int = 2, newcomer_s: float = ANSWERED_WITHIN_S
) -> Iterator[None]:
    """A block that floods; meanwhile a second client stops the printer again and again.

    One that connects only then may wait for `newcomer_s`.
    """
    pid = daemon.process.popen.pid
    before = daemon.process.rss_bytes()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # begin a new peak
    words = [sys.executable, "-m", "tests.e2e.stop_probe"]
    with subprocess.Popen(
        [*words, str(daemon.unix_path), str(daemon.port), str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as probe:
        try:
            assert probe.stdout is not None
            assert select.select([probe.stdout], [], [], PATIENCE_S)[0]
            assert probe.stdout.readline() == b"ready\n"
            yield
            time.sleep(0.2)  # also what the flood leaves behind
            figures, _ = probe.communicate(timeout=PATIENCE_S)
        finally:
            probe.kill()
    measured = json.loads(figures)
    grown = peak_bytes(pid) - before
    for way, worst_s in measured["worst_s"].items():
        within_s = newcomer_s if way.endswith(" http") else ANSWERED_WITHIN_S
        assert worst_s < within_s, (way, measured)
    assert grown < clients * GROWTH_BYTES, measured
    assert daemon.process.popen.poll() is None, daemon.process.said()
    assert "Traceback" not in daemon.process.said()


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def filled(size: int, before: bytes, element: bytes, after: bytes) -> bytes:
    """About `size` bytes of one element again and again."""
    return before + element * (size // len(element)) + after


def nested_items(size: int) -> bytes:
    return filled(size, b'{"items":[', b"[],", b"1]}")


def texts(count: int) -> bytes:
    return b'{"items":[' + b'"abcdefg",' * count + b'"x"]}'


def call(method: bytes, params: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","method":"%b","params":%b,"id":1}' % (method, params)


def post(daemon: DaemonProcess, path: bytes, body: bytes) -> bytes:
    """The answer's first line; empty when the connection went first."""
    with connect_tcp(daemon.port) as sock:
        head = (
            b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (path, len(body))
        )
        with contextlib.suppress(ConnectionError):
            sock.sendall(head + body)
        return receive_all(sock).partition(b"\r\n")[0]


def over_websocket(daemon: DaemonProcess, message: bytes, path: bytes = b"/websocket") -> None:
    with open_websocket(daemon.port, path) as sock:
        frame = client_frame(message)
        with contextlib.suppress(ConnectionError):
            sock.sendall(frame)
            assert sock.recv(1 << 16)


def over_unix(daemon: DaemonProcess, message: bytes) -> None:
    with daemon.connect() as client:
        client.socket.sendall(message + b"\x03")
        assert client.socket.recv(1 << 16)


JUNK_PARAMS = filled(48 * MB, b'{"a":[', b"[],", b"1]}")
ITEM = filled(12 * MB, b'{"namespace":"flood","key":"k","value":[', b"[],", b"1]}")

HTTP_FLOODS = {
    "zip 3 MB": (b"/server/files/zip", nested_items(3 * MB)),
    "zip 9 MB": (b"/server/files/zip", nested_items(9 * MB)),
    "zip 51 MB": (b"/server/files/zip", nested_items(51 * MB)),
    "zip just small enough": (b"/server/files/zip", nested_items(1_040_000)),
    "zip 900,000 names": (b"/server/files/zip", texts(900_000)),
    "zip 90,000 names": (b"/server/files/zip", texts(90_000)),
    "queue 2.5 million names": (
        b"/server/job_queue/job",
        filled(10 * MB, b'{"filenames":[', b'"a",', b'"b"]}'),
    ),
    "unknown params 48 MB": (b"/server/jsonrpc", call(b"server.info", JUNK_PARAMS)),
    "unknown params 9 MB": (
        b"/server/jsonrpc",
        call(b"server.info", JUNK_PARAMS[: 9 * MB] + b"1]}"),
    ),
    "unknown members 48 MB": (b"/server/files/move", JUNK_PARAMS),
    "batch": (b"/server/jsonrpc", filled(9 * MB, b"[", b"1,", b"1]")),
    "script": (b"/printer/gcode/script", filled(9 * MB, b'{"script":"', b"M117 ,[\\n", b'"}')),
    "database 48 MB": (b"/server/database/item", b"%b%b" % (ITEM[:-3], b",[]" * (12 * MB) + b"]}")),
}


def repeated(work: Callable[[], object], times: int = 3) -> None:
    """From two clients at once, so that one's flood is read while another's is judged."""
    threads = [
        threading.Thread(target=lambda: [work() for _ in range(times)], daemon=True)
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE_S)
        assert not thread.is_alive()


@pytest.mark.parametrize("name", HTTP_FLOODS)
def test_http(target: DaemonProcess, name: str) -> None:
    path, body = HTTP_FLOODS[name]
    with stoppable(target):
        repeated(lambda: post(target, path, body))


def test_a_database_value_of_12_mb(target: DaemonProcess) -> None:
    with stoppable(target, clients=1):
        assert post(target, b"/server/database/item", ITEM) == b"HTTP/1.1 200 OK"
    with target.connect() as client:
        client.call("server.database.delete_item", namespace="flood", key="k")


MESSAGES = {
    "items": call(b"server.files.zip", nested_items(9 * MB)),
    "small items": call(b"server.files.zip", nested_items(1_000_000)),
    "names": call(b"server.job_queue.post_job", b'{"filenames":[%b"b"]}' % (b'"a",' * 2_400_000)),
    "unknown params": call(b"server.info", JUNK_PARAMS[: 9 * MB] + b"1]}"),
    "unknown method": call(b"server.nothing", JUNK_PARAMS[: 9 * MB] + b"1]}"),
    "unknown members": b'{"a":%b1]},"jsonrpc":"2.0","method":"server.info","id":1}'
    % JUNK_PARAMS[: 9 * MB],
    "batch": filled(9 * MB, b"[", b"1,", b"1]"),
    "deep": b"[" * 9 * MB,
    "item": call(b"server.database.post_item", ITEM[: 9 * MB] + b"1]}"),
    "script": call(b"printer.gcode.script", filled(9 * MB, b'{"script":"', b"G1 ,[", b'"}')),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_websocket(target: DaemonProcess, name: str) -> None:
    with stoppable(target):
        repeated(lambda: over_websocket(target, MESSAGES[name]))


@pytest.mark.parametrize("name", MESSAGES)
def test_unix_socket(target: DaemonProcess, name: str) -> None:
    with stoppable(target):
        repeated(lambda: over_unix(target, MESSAGES[name]))


def test_bridge(target: DaemonProcess) -> None:
    message = filled(9 * MB, b'{"id":1,"method":"info","params":{"a":[', b"[],", b"1]}}")
    with stoppable(target):
        repeated(lambda: over_websocket(target, message, b"/klippysocket"))


def test_stalled_uploads_and_unfinished_heads(target: DaemonProcess) -> None:
    upload = (
        b"POST /server/files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with contextlib.ExitStack() as stack, stoppable(target):
        for data in [upload] * 40 + [b"GET /server/info HTT"] * 300:
            stack.enter_context(connect_tcp(target.port)).sendall(data)
        time.sleep(0.5)


CROWD = 600
CROWDS = {
    "requests": b"GET /server/info HTTP/1.1\r\nHost: x\r\n\r\n",
    "event streams": b"GET /server/events HTTP/1.1\r\nHost: x\r\n\r\n",
    "websockets": b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n",
}


def come_and_go(daemon: DaemonProcess, request: bytes, linger: bytes) -> None:
    """A crowd connects, asks all at once, waits for its answers, and leaves all at once."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect_tcp(daemon.port)) for _ in range(CROWD)]
        for sock in crowd:
            sock.sendall(request)
        for sock in crowd:
            assert sock.recv(1 << 16).startswith(b"HTTP/1.1 ")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.mark.parametrize("name", CROWDS)
@pytest.mark.parametrize("reset", [0, 1])
def test_crowds_that_come_and_go(target: DaemonProcess, name: str, reset: int) -> None:
    with stoppable(target, newcomer_s=1.0):
        come_and_go(target, CROWDS[name], struct.pack("ii", reset, 0))
