"""What a camera's viewers cost the daemon: 15 pictures a second of 100 KB to five of them, and to a
sixth that reads slowly.

The camera and the viewers are threads of this process, on loopback; where nginx is installed, the
same viewers are measured through it in the same run.
"""

import contextlib
import socket
import threading
import time

from benchmarks.clients import HOST
from benchmarks.daemon import open_daemon, temporary_folder
from benchmarks.figures import Figure
from benchmarks.klippy_replay import open_replay_process
from benchmarks.nginx import program, run_nginx
from benchmarks.plan import Plan
from benchmarks.process import Meter
from nurseries.process.free_ports import free_port

VIEWERS = 5
RATE = 15
PICTURE = b"\xff\xd8" + bytes(100_000) + b"\xff\xd9"
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n--b\r\n"
_PART = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--b\r\n" % (
    len(PICTURE),
    PICTURE,
)
_SETTLE_S = 1.0
_ONE = "one connection to the camera"
_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen {host}:{port};
    location /webcam/ {{ proxy_pass http://{host}:{camera}/; proxy_buffering off; }} }} }}
"""


class Camera:
    """Streams to everybody who asks."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.recv(65536)
            sock.sendall(_HEAD)
            due = time.monotonic()
            while True:
                sock.sendall(_PART)
                due += 1 / RATE
                time.sleep(max(due - time.monotonic(), 0))

    def close(self) -> None:
        """Take nobody any more."""
        self._listener.close()


class Viewer:
    """Reads a stream and counts its bytes; one that is `slow` reads 10 KB a second."""

    def __init__(self, port: int, *, slow: bool = False) -> None:
        self.read_bytes = 0
        self._sock = socket.socket()
        if slow:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self._sock.connect((HOST, port))
        self._sock.sendall(b"GET /webcam/?action=stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self._slow = slow
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        buffer = bytearray(2048 if self._slow else 1 << 20)
        with contextlib.suppress(OSError):
            while got := self._sock.recv_into(buffer):
                self.read_bytes += got
                if self._slow:
                    time.sleep(0.2)

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


def measure_webcams(plan: Plan) -> list[Figure]:
    """Percent of a core for five viewers, and for a slow one more."""
    with temporary_folder() as folder, contextlib.closing(Camera()) as camera:
        klippy = folder / "klippy.sock"
        sections = f"\n[webcam_proxy]\ncameras:\n    webcam {camera.port}\n"
        with open_replay_process(klippy), open_daemon(folder, klippy, sections) as daemon:
            daemon.wait_ready()
            usual = _shares(plan, daemon.pid, daemon.port, slow=0)
            more = _shares(plan, daemon.pid, daemon.port, slow=1)
        figures = [
            _figure("webcam_five", "5 viewers", usual.percent, 6, _ONE),
            _figure("webcam_slow", "5 viewers and a slow one", more.percent, None, _ONE),
            _rate("webcam_rate", "5 viewers", usual.rate),
            _rate("webcam_rate_slow", "5 viewers beside a slow one", more.rate),
        ]
        if program() is not None:
            port = free_port()
            text = _NGINX.format(folder=folder, host=HOST, port=port, camera=camera.port)
            with run_nginx(folder, text, port) as nginx:
                beside = _shares(plan, nginx.worker, port, slow=0)
            note = "a connection to the camera for each"
            figures.append(_figure("webcam_nginx", "5 viewers, nginx", beside.percent, None, note))
    return figures


class _Shares:
    def __init__(self, percent: list[float], rate: list[float]) -> None:
        self.percent = percent
        self.rate = rate


def _shares(plan: Plan, pid: int, port: int, *, slow: int) -> _Shares:
    viewers = [Viewer(port) for _ in range(VIEWERS)]
    slow_ones = [Viewer(port, slow=True) for _ in range(slow)]
    percent, rate = [], []
    try:
        time.sleep(_SETTLE_S + slow)
        for _ in range(plan.rounds):
            before = [viewer.read_bytes for viewer in viewers]
            meter, began = Meter(pid), time.monotonic()
            time.sleep(plan.baseline_s)
            percent.append(100 * meter.read().share())
            took = time.monotonic() - began
            got = [v.read_bytes - b for v, b in zip(viewers, before, strict=True)]
            rate.append(min(got) / len(_PART) / took)
    finally:
        for viewer in (*viewers, *slow_ones):
            viewer.close()
        time.sleep(_SETTLE_S)
    return _Shares(percent, rate)


def _figure(name: str, who: str, samples: list[float], budget: float | None, note: str) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=f"MJPEG, {RATE} x 100 KB a second, {who}: CPU",
        unit="% core",
        budget=budget,
        note=note,
    )


def _rate(name: str, who: str, samples: list[float]) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=f"MJPEG, {who}: pictures the slowest of the five got",
        unit="1/s",
        more_is_better=True,
        note="of 15",
    )
