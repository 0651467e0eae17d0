"""What an upload and a download cost the daemon per megabyte, and in memory.

One client on loopback with the form of a slicer; the file lies in the daemon's own data folder.
"""

import contextlib
import os
import socket
import time

from benchmarks.clients import HOST, Lost
from benchmarks.daemon import Daemon, open_linked
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import MB, Meter, memory
from benchmarks.statistics import NS_PER_US
from benchmarks.wire import HEAD_END, content_length

_BOUNDARY = b"------------------------d74496d66958873e"
_PIECE = 1_000_000
_PATIENCE_S = 120.0
# Random bytes: nothing on the way can make them small. No g-code name, so no scan is measured.
_NAME = "benchmark.bin"
_PART = 'Content-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'


def measure_transfers(plan: Plan) -> list[Figure]:
    """What both ways cost, and what `read_back_uploads` costs more."""
    return [*_measure_both_ways(plan), *_measure_read_back(plan)]


def _measure_read_back(plan: Plan) -> list[Figure]:
    """Uploads to a daemon that reads back and to one that does not, one after the other."""
    data = os.urandom(_PIECE)
    with (
        open_linked() as plain,
        open_linked("[file_manager]\nread_back_uploads: True\n") as proving,
    ):
        daemons = (plain, proving)
        cpu: dict[Daemon, list[float]] = {plain: [], proving: []}
        waits: dict[Daemon, list[float]] = {plain: [], proving: []}
        for daemon in daemons:
            upload(daemon, data, 5 * MB)
        for _ in range(plan.transfer_rounds):
            for daemon in daemons:
                began = time.monotonic()
                cpu[daemon].append(upload(daemon, data, plan.transfer_bytes))
                waits[daemon].append(time.monotonic() - began)
    note = f"{plan.transfer_bytes // MB} MB"
    usual, proved = f"upload of {note} beside it", f"upload of {note}, read back"
    return [
        _figure("plain_upload_wait", f"{usual}: time", "s", None, waits[plain]),
        _figure("read_back_wait", f"{proved}: time", "s", None, waits[proving]),
        _figure("plain_upload_cpu", f"{usual}: CPU", "ms/MB", None, cpu[plain]),
        _figure("read_back_cpu", f"{proved}: CPU", "ms/MB", None, cpu[proving]),
    ]


def _measure_both_ways(plan: Plan) -> list[Figure]:
    """CPU per MB of both ways, and growth of resident memory by one large upload."""
    data = os.urandom(_PIECE)
    with open_linked() as daemon:
        upload(daemon, data, 5 * MB)  # the parser is loaded by the first one
        download(daemon)
        ups, downs, growths = [], [], []
        for _ in range(plan.transfer_rounds):
            before = memory(daemon.pid).rss
            ups.append(upload(daemon, data, plan.transfer_bytes))
            growths.append((memory(daemon.pid).rss - before) / MB)
            downs.append(download(daemon))
        before = memory(daemon.pid).rss
        upload(daemon, data, plan.large_transfer_bytes)
        growth = (memory(daemon.pid).rss - before) / MB
    note = f"{plan.transfer_bytes // MB} MB"
    large = f"{plan.large_transfer_bytes // MB} MB"
    return [
        _figure("upload_cpu", f"upload of {note}: CPU", "ms/MB", 2.0, ups),
        _figure("upload_memory", f"upload of {note}: memory growth", "MB", 2.0, growths),
        _figure("large_upload_memory", f"upload of {large}: memory growth", "MB", 4.0, [growth]),
        _figure("download_cpu", f"download of {note}: CPU", "ms/MB", 0.5, downs),
    ]


def _figure(name: str, what: str, unit: str, budget: float | None, samples: list[float]) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=what,
        unit=unit,
        budget=budget,
        note="random bytes, one client, stored under the data folder and synced",
    )


def upload(daemon: Daemon, data: bytes, size_bytes: int) -> float:
    """Milliseconds of processor time per MB; raises `Lost` when it is refused."""
    top = b"--" + _BOUNDARY + b"\r\n" + (_PART % _NAME).encode()
    end = b"\r\n--" + _BOUNDARY + b"--\r\n"
    head = (
        f"POST /server/files/upload HTTP/1.1\r\nHost: {HOST}:{daemon.port}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(top) + size_bytes + len(end)}\r\n\r\n"
    )
    meter = Meter(daemon.pid)
    with contextlib.closing(_connect(daemon)) as sock:
        sock.sendall(head.encode() + top)
        for sent in range(0, size_bytes, len(data)):
            sock.sendall(data[: size_bytes - sent])
        sock.sendall(end)
        answer = sock.recv(65536)
    if not answer.startswith(b"HTTP/1.1 201 "):
        raise Lost(answer.decode(errors="replace"))
    return _ms_per_mb(meter, size_bytes)


def download(daemon: Daemon) -> float:
    """Milliseconds of processor time per MB; raises `Lost` when the daemon closes early."""
    buffer = bytearray(_PIECE)
    request = f"GET /server/files/gcodes/{_NAME} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    meter = Meter(daemon.pid)
    with contextlib.closing(_connect(daemon)) as sock:
        sock.sendall(request.encode())
        head, received = b"", b""
        while HEAD_END not in received:
            received += sock.recv(4096)
        head, _, rest = received.partition(HEAD_END)
        size_bytes = content_length(head)
        missing = size_bytes - len(rest)
        while missing:
            count = sock.recv_into(buffer)
            if not count:
                raise Lost(f"{missing} bytes of the download are missing")
            missing -= count
    return _ms_per_mb(meter, size_bytes)


def _ms_per_mb(meter: Meter, size_bytes: int) -> float:
    time.sleep(0.05)  # what the daemon does behind its last byte counts too
    return meter.read().cpu_ns / NS_PER_US / 1000 / (size_bytes / MB)


def _connect(daemon: Daemon) -> socket.socket:
    return socket.create_connection((HOST, daemon.port), _PATIENCE_S)
