"""A page like Mainsail's: its files by size, and what a browser asks for when it opens it first.

Recorded with Chromium on the dashboard of Mainsail 2.14 (23 requests, 4.5 MB, 25 calls on its
websocket). Texts get a third of their size when they are compressed, as scripts do; mrk finds them
compressed, as `mrk frontend install` leaves them, and nginx compresses, as installers set it up.
"""

import contextlib
import os
import random
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.clients import HOST, Client, Lost
from benchmarks.wire import HEAD_END, content_length
from nurseries.update_manager.compressed import compress_beside

PAGE = "/"
# Path and size; asked for over as many connections as browsers open.
FILES = (
    ("/assets/overlayscrollbars-Bn6459zb.css", 19_763),
    ("/assets/vuetify-BaaNAvAW.css", 529_055),
    ("/assets/index-Cz0lw0et.css", 46_839),
    ("/manifest.webmanifest", 576),
    ("/assets/overlayscrollbars-DrOnwEIA.js", 57_140),
    ("/assets/echarts-2v0SkL6x.js", 590_126),
    ("/assets/vuetify-DeQXvzDX.js", 1_192_433),
    ("/assets/index-DgP5iUTo.js", 1_942_964),
    ("/config.json", 200),
    ("/img/icons/icon-192.png", 7_847),
    ("/img/icons/favicon-32x32.png", 618),
    ("/assets/en-q4goIPVC.js", 58_923),
    ("/fonts/roboto-regular.woff2", 11_016),
    ("/fonts/roboto-light.woff2", 11_180),
    ("/fonts/robotoMono-regular.woff", 15_160),
    ("/fonts/roboto-medium.woff2", 11_056),
    ("/fonts/roboto-bold.woff2", 11_020),
    ("/assets/virtual_pwa-register--UrecdQl.js", 857),
    ("/img/sidebar-background.svg", 2_669),
    ("/assets/workbox-window.prod.es5-BcEfdWza.js", 5_749),
)
MEGABYTE = "/assets/megabyte-AbCd1234.bin"
_PAGE_BYTES = 2_150
_CONNECTIONS = 6
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_OBJECTS: dict[str, Any] = {"objects": {"webhooks": None, "toolhead": None, "print_stats": None}}
_CALLS: Sequence[tuple[str, dict[str, Any] | None]] = (
    ("server.info", None),
    ("server.config", None),
    ("machine.system_info", None),
    ("machine.proc_stats", None),
    ("server.database.list", None),
    ("server.job_queue.status", None),
    ("server.history.list", {"start": 0, "limit": 50}),
    ("server.history.totals", None),
    ("server.announcements.list", None),
    ("server.files.get_directory", {"path": "gcodes", "extended": True}),
    ("server.files.get_directory", {"path": "config"}),
    ("server.files.get_directory", {"path": "logs"}),
    ("server.webcams.list", None),
    ("server.info", None),
    ("printer.objects.query", _OBJECTS),
    ("printer.info", None),
    ("server.gcode_store", None),
    ("printer.objects.list", None),
    ("server.files.get_directory", {"path": "gcodes", "extended": True}),
    ("printer.objects.subscribe", _OBJECTS),
    ("server.temperature_store", None),
    ("printer.objects.query", _OBJECTS),
)
REQUESTS = 1 + len(FILES) + 1 + len(_CALLS)


def make_front_end(folder: Path) -> Path:
    """Write the files; returns `folder`."""
    dice = random.Random(1)
    words = [dice.randbytes(dice.randint(2, 6)).hex() for _ in range(2000)]
    for path, size in (("/index.html", _PAGE_BYTES), *FILES):
        file = folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        is_text = file.suffix in (".css", ".html", ".js", ".json", ".svg", ".webmanifest")
        text = " ".join(dice.choices(words, k=size // 5)).encode() if is_text else os.urandom(size)
        file.write_bytes(text[:size])
    # Of this one nothing can be saved.
    (folder / MEGABYTE[1:]).write_bytes(os.urandom(1_000_000))
    compress_beside(folder, (), lambda: None)
    return folder


def load_page(port: int) -> int:
    """Open the page as a browser does that has nothing of it; returns the bytes of files."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(port)) for _ in range(_CONNECTIONS)]
        total = fetch(connections[0], [PAGE])
        for at in range(0, len(FILES), _CONNECTIONS):
            paths = [path for path, _size in FILES[at : at + _CONNECTIONS]]
            asked = list(zip(connections, paths, strict=False))
            for connection, path in asked:
                connection.sendall(_request(path))
            total += sum(_read(connection) for connection, _path in asked)
        client = Client.websocket(port)
        stack.callback(client.close)
        client.identify()
        for method, params in _CALLS:
            client.call(method, params)
    return total


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection of a browser."""
    with socket.create_connection((HOST, port), 10.0) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def fetch(connection: socket.socket, paths: Sequence[str]) -> int:
    """Ask for one after another; returns the bytes of their bodies."""
    total = 0
    for path in paths:
        connection.sendall(_request(path))
        total += _read(connection)
    return total


def _request(path: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", f"Host: {HOST}", "Accept: */*", "Accept-Encoding: gzip, br")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read_chunks(connection: socket.socket, rest: bytes) -> int:
    """To the last one; its mark is not looked for in the middle."""
    total, end = len(rest), rest[-len(_LAST_CHUNK) :]
    while not end.endswith(_LAST_CHUNK):
        data = connection.recv(262_144)
        if not data:
            raise Lost("the last chunk is missing")
        total += len(data)
        end = (end + data)[-len(_LAST_CHUNK) :]
    return total


def _read(connection: socket.socket) -> int:
    received = b""
    while HEAD_END not in received:
        data = connection.recv(65536)
        if not data:
            raise Lost("the server closed the connection")
        received += data
    head, _, rest = received.partition(HEAD_END)
    if not head.startswith(b"HTTP/1.1 200"):
        raise Lost(head.partition(b"\r\n")[0].decode(errors="replace"))
    if b"\nTransfer-Encoding: chunked" in head:
        return _read_chunks(connection, rest)
    size = content_length(head)
    missing = size - len(rest)
    buffer = bytearray(262_144)
    while missing > 0:
        count = connection.recv_into(buffer, min(missing, len(buffer)))
        if not count:
            raise Lost(f"{missing} bytes are missing")
        missing -= count
    return size
