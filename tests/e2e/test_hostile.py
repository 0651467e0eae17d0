"""Hostile bytes at every door of a real daemon, while a well-behaved client measures it.

Each attack ends in a clear error or a closed connection; the daemon stays alive and small, and the
other client is answered in time.
"""

import contextlib
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nurseries.process.free_ports import free_port
from tests.e2e.processes import ROOT, DaemonProcess, configure, started
from tests.e2e.wire import (
    PATIENCE_S,
    client_frame,
    connect_tcp,
    open_websocket,
    receive_all,
)

pytestmark = pytest.mark.e2e
# Short limits, so that slow attacks are quick tests; the same code with other numbers.
OPTIONS = "head_timeout: 1\nbody_timeout: 1\nsend_timeout: 1\n"
ANSWERED_WITHIN_S = 0.1
GROWTH_BYTES = 80 * 1024 * 1024
MIB = 1024 * 1024
CALL = b'{"jsonrpc":"2.0","method":"server.info","id":1}'


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    folder = tmp_path_factory.mktemp("target")
    port = configure(folder, OPTIONS, free_port())
    arguments = ["demo", "--data", str(folder), "--port", str(port)]
    with started(arguments, folder, port) as daemon:
        daemon.wait_klippy()
        with connect_tcp(port) as sock:  # the process of the page is started now
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert receive_all(sock).startswith(b"HTTP/1.1 200")
        yield daemon


@contextlib.contextmanager
def under_watch(daemon: DaemonProcess) -> Iterator[None]:
    """A block that attacks; afterwards the daemon is alive and small, and answered in time."""
    before = daemon.process.rss_bytes()
    words = [sys.executable, "-m", "tests.e2e.probe", str(daemon.unix_path), str(daemon.port)]
    pid = daemon.process.popen.pid
    with subprocess.Popen(
        [*words, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as probe:
        try:
            assert probe.stdout is not None
            assert select.select([probe.stdout], [], [], PATIENCE_S)[0]
            assert probe.stdout.readline() == b"ready\n"
            began = time.monotonic()
            yield
            # Also what an attack of a moment leaves behind.
            time.sleep(max(0.0, 0.6 - (time.monotonic() - began)))
            figures, _ = probe.communicate(timeout=PATIENCE_S)
        finally:
            probe.kill()
    measured = json.loads(figures)
    assert measured["p99_s"] < ANSWERED_WITHIN_S, measured
    assert daemon.process.popen.poll() is None, daemon.process.said()
    assert daemon.process.rss_bytes() - before < GROWTH_BYTES
    assert "Traceback" not in daemon.process.said()


def sent(sock: socket.socket, data: bytes) -> None:
    """Send, whether or not the daemon still listens to all of it."""
    with contextlib.suppress(ConnectionError):
        sock.sendall(data)


def http_status(answer: bytes) -> int | None:
    """Of a whole answer with a JSON error; None for a closed connection."""
    if not answer:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if status >= 400:
        assert json.loads(body)["error"]["code"] == status
    return status


# Bytes for the HTTP door, and what may come back.
HTTP_TABLE: dict[str, tuple[bytes, set[int | None]]] = {
    "junk": (bytes(range(256)) * 20, {400, None}),
    "zeros": (bytes(5000), {400, None}),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), {400, None}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505, None}),
    "no version": (b"GET /\r\n\r\n", {400, 505}),
    "unknown version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", {400, 505}),
    "endless request line": (b"GET /" + b"a" * 200_000, {400, 414, 431}),
    "header flood": (
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)),
        {400, 431},
    ),
    "one huge header": (b"GET / HTTP/1.1\r\nX: " + b"y" * 300_000, {400, 431}),
    "invalid UTF-8 in the target": (
        b"GET /server/\xff\xfe?a=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        {400, 404},
    ),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n", {400}),
    "folded header": (
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\nConnection: close\r\n\r\n",
        {400, 200},
    ),
    "two lengths": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Content-Length: 6\r\n\r\nhello!",
        {400},
    ),
    "length and chunks": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400},
    ),
    "negative length": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        {400},
    ),
    "giant length": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999999\r\n\r\nhello",
        {413},
    ),
    "length of many digits": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 500 + b"\r\n\r\n",
        {400, 413},
    ),
    "broken chunk size": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        {400},
    ),
    "endless chunk extension": (
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 200_000,
        {400},
    ),
    "way out of the folder": (
        b"GET /server/files/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        {400, 403, 404},
    ),
    "websocket without its key": (
        b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        {400, 426},
    ),
    "connect": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, 405}),
    "ten thousand requests at once": (
        b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 9_999
        + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        {404},
    ),
}


@pytest.mark.parametrize("name", HTTP_TABLE)
def test_http(target: DaemonProcess, name: str) -> None:
    data, expected = HTTP_TABLE[name]
    with under_watch(target), connect_tcp(target.port) as sock:
        if name.startswith("ten"):
            answers = pumped(sock, data)
            assert answers.count(b"HTTP/1.1 404") == 10_000
            return
        sent(sock, data)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        assert http_status(receive_all(sock)) in expected


def pumped(sock: socket.socket, data: bytes) -> bytes:
    """Send and receive side by side until the daemon closes."""
    sock.setblocking(False)
    received, view = b"", memoryview(data)
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        readable, writable, _ = select.select([sock], [sock] if view else [], [], 1.0)
        if writable:
            view = view[sock.send(view[:65536]) :]
        if readable:
            data = sock.recv(1 << 20)
            if not data:
                return received
            received += data
    raise TimeoutError


def test_http_bodies_of_junk_are_answered_on_a_connection_that_goes_on(
    target: DaemonProcess,
) -> None:
    bodies = {
        b"\xff\xfe\xfd": -32700,
        b"{": -32700,
        b"[" * 100_000: -32700,
        b'{"a":' * 50_000: -32700,
        b"1" * 100_000: -32600,
        b"null": -32600,
        b'"text"': -32600,
        b'{"jsonrpc":"2.0","method":5,"id":1}': -32600,
        b'{"jsonrpc":"2.0","method":"server.info","params":[1],"id":1}': -32602,
    }
    with under_watch(target), connect_tcp(target.port) as sock:
        for body, code in bodies.items():
            sock.sendall(
                b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            answer = sock.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 200")
            error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
            # A very long number is refused by the JSON reader.
            assert error["code"] in (code, -32700), body[:40]


def test_slow_heads_and_bodies_end_with_408(target: DaemonProcess) -> None:
    slow = [
        b"GET /server/in",
        b"GET /server/info HTTP/1.1\r\nHo",
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{",
    ]
    with under_watch(target), contextlib.ExitStack() as stack:
        sockets = []
        for data in slow * 20:
            sock = stack.enter_context(connect_tcp(target.port))
            sock.sendall(data)
            sockets.append(sock)
        began = time.monotonic()
        # One byte now and then is no progress.
        while time.monotonic() - began < 0.8:
            for sock in sockets:
                sent(sock, b"a")
            time.sleep(0.2)
        for sock in sockets:
            assert http_status(receive_all(sock)) == 408


# Frames for a websocket, and the close code they earn.
WEBSOCKET_TABLE: dict[str, tuple[bytes, int | None]] = {
    "unmasked": (b"\x81\x05hello", 1002),
    "reserved bits": (b"\xf1\x80" + bytes(4), 1002),
    "unknown opcode": (client_frame(b"", opcode=3), 1002),
    "long control frame": (client_frame(b"x" * 200, opcode=9), 1002),
    "fragmented ping": (client_frame(b"x", opcode=9, fin=False), 1002),
    "continuation of nothing": (client_frame(b"x", opcode=0), 1002),
    "text within text": (client_frame(b"x", fin=False) + client_frame(b"y"), 1002),
    "invalid UTF-8": (client_frame(b"\xff\xfe"), 1007),
    "close with a bad code": (client_frame((999).to_bytes(2, "big"), opcode=8), 1002),
    "message too big": (client_frame(b" " * (10 * MIB + 1)), 1009),
    "too big in fragments": (
        client_frame(b" " * MIB, fin=False) + client_frame(b" " * MIB, opcode=0, fin=False) * 10,
        1009,
    ),
    "length of 8 EiB": (b"\x81\xff\x7f" + b"\xff" * 7 + bytes(4) + b"x" * 1000, None),
}


def close_code(stream: bytes) -> int | None:
    """The code of the server's close frame in a stream of frames that may hold others."""
    at = 0
    while at + 2 <= len(stream):
        opcode, size = stream[at] & 15, stream[at + 1]
        at += 2
        if size == 126:
            size, at = int.from_bytes(stream[at : at + 2], "big"), at + 2
        elif size == 127:
            size, at = int.from_bytes(stream[at : at + 8], "big"), at + 8
        if opcode == 8:
            return int.from_bytes(stream[at : at + 2], "big")
        at += size
    return None


@pytest.mark.parametrize("path", [b"/websocket", b"/klippysocket"])
@pytest.mark.parametrize("name", WEBSOCKET_TABLE)
def test_websocket(target: DaemonProcess, name: str, path: bytes) -> None:
    data, code = WEBSOCKET_TABLE[name]
    with under_watch(target), open_websocket(target.port, path) as sock:
        sent(sock, data)
        if code is None:
            sock.close()  # nobody can send so much: it vanishes
        else:
            assert close_code(receive_all(sock)) == code


MESSAGES: dict[str, tuple[bytes, int | None]] = {
    "truncated": (CALL[:20], -32700),
    "junk": (b"\x01\x02junk", -32700),
    "deep array": (b"[" * 100_000, -32700),
    "deep object": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, -32700),
    "lone surrogate": (b'{"jsonrpc":"2.0","method":"\\ud800","id":1}', None),
    "number": (b"17", -32600),
    "batch of 10,000": (b"[" + b",".join([CALL] * 10_000) + b"]", -32600),
    "batch of junk": (b"[" + b",".join([b"1"] * 900) + b"]", None),
    "huge id": (b'{"jsonrpc":"2.0","method":"server.info","id":"' + b"x" * 500_000 + b'"}', None),
    "huge method": (b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * MIB + b'"}', -32601),
    "many keys": (
        b'{"jsonrpc":"2.0","id":1,"method":"server.info","params":{'
        + b",".join(b'"%d":0' % n for n in range(100_000))
        + b"}}",
        None,
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_on_the_unix_socket_and_the_websocket(target: DaemonProcess, name: str) -> None:
    message, code = MESSAGES[name]
    with under_watch(target):
        with target.connect() as unix:
            unix.socket.sendall(message + b"\x03")
            while "method" in (answer := unix.receive()):
                pass
            if code is not None:
                assert answer["error"]["code"] == code
            assert unix.call("server.info")["klippy_connected"]
        with open_websocket(target.port) as sock:
            sock.sendall(client_frame(message) + client_frame(CALL) + client_frame(b"", opcode=8))
            received = receive_all(sock)
        assert b'"klippy_connected":true' in received
        if code is not None:
            assert b'"code":%d' % code in received


def test_unix_socket_streams(target: DaemonProcess) -> None:
    with under_watch(target):
        for data, told in (
            (b"x" * (20 * MIB + 1), b"-32600"),  # one frame over the limit
            (b"\xff\xfe\x03" * 50, b"-32700"),  # closed after ten in a row
            (b"\x03" * 1000, b""),
            (CALL, b""),  # no end, then gone
            (CALL + b"\x03" + CALL[:9], b"klippy_connected"),
        ):
            with target.connect() as unix:
                sent(unix.socket, data)
                with contextlib.suppress(OSError):
                    unix.socket.shutdown(socket.SHUT_WR)
                assert told in receive_all(unix.socket)


def test_bridge_messages_never_reach_klipper_as_exceptions(target: DaemonProcess) -> None:
    with under_watch(target), open_websocket(target.port, b"/klippysocket") as sock:
        for message in (
            b"junk",
            b"[1]",
            b"[" * 50_000,
            b'{"id":1,"method":"info","params":[]}',
            b'{"id":1,"method":"nothing","params":{}}',
            b'{"id":1,"method":"gcode/script","params":{"script":5}}',
            b'{"id":1,"method":"info\x03","params":{}}',
        ):
            sock.sendall(client_frame(message))
        sock.sendall(client_frame(b'{"id":"last","method":"info","params":{}}'))
        received = b""
        while b'"last"' not in received:
            received += sock.recv(1 << 16)
        assert b'"state":"ready"' in received.replace(b" ", b"")


def flood(sock: socket.socket, data: bytes, seconds: float) -> None:
    """Send without reading for a while, as long as it is taken."""
    sock.settimeout(0.1)
    ends = time.monotonic() + seconds
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < ends:
            with contextlib.suppress(TimeoutError):
                sock.sendall(data)


def is_let_go(sock: socket.socket, within_s: float) -> bool:
    """Whether the daemon closes the connection."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(within_s * 1000))


def unix_socket(target: DaemonProcess) -> socket.socket:
    return target.connect().socket


NEVER_READS: dict[str, tuple[Callable[[DaemonProcess], socket.socket], bytes]] = {
    "http": (
        lambda target: connect_tcp(target.port),
        b"GET /printer/objects/query?configfile HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
    ),
    "page": (
        lambda target: connect_tcp(target.port),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100,
    ),
    "websocket": (lambda target: open_websocket(target.port), client_frame(CALL) * 100),
    "pings": (
        lambda target: open_websocket(target.port),
        client_frame(b"x" * 125, opcode=9) * 500,
    ),
    "batches": (
        lambda target: open_websocket(target.port),
        client_frame(b"[" + b",".join([CALL] * 1000) + b"]"),
    ),
    "bridge": (
        lambda target: open_websocket(target.port, b"/klippysocket"),
        client_frame(b'{"id":1,"method":"objects/query","params":{"objects":{"configfile":null}}}')
        * 50,
    ),
    "unix": (unix_socket, (CALL + b"\x03") * 100),
    "large answers": (
        unix_socket,
        b'{"jsonrpc":"2.0","method":"printer.objects.query","params":{"objects":'
        b'{"configfile":null}},"id":1}\x03' * 100,
    ),
}


@pytest.mark.parametrize("name", NEVER_READS)
def test_clients_that_ask_and_never_read(target: DaemonProcess, name: str) -> None:
    connect, data = NEVER_READS[name]
    with under_watch(target), connect(target) as first, connect(target) as second:
        for sock in (first, second):
            flood(sock, data, 0.5)
        if name in ("pings", "page"):
            # Of pongs only the newest waits, and the pages of half a second fit into the
            # kernel's buffers: nothing piles up, nobody is stalled.
            return
        limit = time.monotonic() + PATIENCE_S
        for sock in (first, second):
            # A slow daemon's answers of half a second may all fit into the kernel's buffers.
            while not is_let_go(sock, 0.5):
                assert time.monotonic() < limit, "still connected, though it never reads"
                flood(sock, data, 0.1)


def test_clients_that_vanish_in_the_middle(target: DaemonProcess) -> None:
    starts = (
        b"GET /server/info HT",
        b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
        b"POST /printer/gcode/script?script=M117 HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    with under_watch(target):
        for _ in range(50):
            for data in starts:
                with connect_tcp(target.port) as sock:
                    sock.sendall(data)
                    # A reset instead of a goodbye.
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            for path in (b"/websocket", b"/klippysocket"):
                with open_websocket(target.port, path) as sock:
                    sock.sendall(client_frame(CALL)[:20])
            with target.connect() as unix:
                unix.socket.sendall(CALL + b"\x03" + CALL[:10])


def test_a_thousand_connections(target: DaemonProcess) -> None:
    with under_watch(target), contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connect_tcp(target.port)) for _ in range(1000)]
        for sock in sockets[::10]:
            sock.sendall(b"GET /server/info HTTP/1.1\r\nHost: x\r\n\r\n")
        for sock in sockets[::10]:
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
        for sock in sockets[1::10]:
            sock.sendall(b"GET /serv")


def test_more_connections_than_allowed_are_told_so(tmp_path: Path) -> None:
    port = configure(tmp_path, "max_connections: 20\nmax_websocket_connections: 10\n")
    with started(["-d", str(tmp_path)], tmp_path, port) as daemon, contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(open_websocket(port))
        refused = connect_tcp(port)
        with refused:
            refused.sendall(
                b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert http_status(receive_all(refused)) == 503
        idle = [stack.enter_context(connect_tcp(port)) for _ in range(10)]
        with connect_tcp(port) as one_more:  # the one that has been idle longest makes room
            sent(one_more, b"GET /server/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert http_status(receive_all(one_more)) == 200
        assert receive_all(idle.pop(0)) == b""
        idle.append(stack.enter_context(connect_tcp(port)))
        for sock in idle:
            sock.sendall(b"GET /serv")  # half a head gives way as well
        with connect_tcp(port) as one_more:
            sent(one_more, b"GET /server/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert http_status(receive_all(one_more)) == 200
        idle = [stack.enter_context(connect_tcp(port)) for _ in range(10)]
        for sock in idle:  # requests under way do not
            sock.sendall(
                b"POST /server/jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n"
                b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"
            )
        for sock in idle:
            said = b""
            while not said.endswith(b"\r\n\r\n"):
                said += sock.recv(100)
            assert said.startswith(b"HTTP/1.1 100"), said
            sock.sendall(b"{")
        with daemon.connect() as unix:
            assert unix.call("server.info")["websocket_count"] == 11
        with connect_tcp(port) as one_more:
            assert http_status(receive_all(one_more)) == 503
        for sock in idle:
            sock.close()
        # Room again, as soon as the daemon has seen them go.
        limit = time.monotonic() + PATIENCE_S
        while True:
            with connect_tcp(port) as sock:
                sent(sock, b"GET /server/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if http_status(receive_all(sock)) == 200:
                    break
            assert time.monotonic() < limit


def test_it_ends_in_order_after_all_that(target: DaemonProcess) -> None:
    with target.connect() as unix:
        tree = unix.call("server.nurseries")
        assert {node["state"] for node in tree["nurseries"]} == {"running"}
        assert unix.call("server.info")["failed_components"] == []
