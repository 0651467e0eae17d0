"""mrk in processes of its own, started and ended by tests; each says by itself when it is up.

`run_daemon`, `run_demo` and `run_printer` end their process with the block, whatever happened.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nurseries.process.free_ports import free_port
from nurseries.virtual_printer.gcodes import sample_gcode
from tests.e2e.planting import plant_database, plant_secrets_file
from tests.e2e.wire import PATIENCE_S, UnixClient
from tests.process_clock import ProcessClock
from tests.secrets_watch import heard_file

ROOT = Path(__file__).parents[2]
CONFIGURATION = """\
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {{data_path}}/comms/klippy.sock
{options}
[authorization]
trusted_clients:
  {trusted}
cors_domains:
  http://*.example.org

{sections}
"""
# Without it a daemon looks for systemd a moment longer than it takes to be up, and warns.
NO_SERVICES = "[machine]\nprovider: none\n"
LOOPBACK = "127.0.0.0/8"
NOBODY = "192.0.2.1"


class Process:
    """A child; its output goes to a file, which an assertion may show."""

    def __init__(
        self,
        arguments: Sequence[str],
        output: Path,
        program: Sequence[str] = ("-m", "mrk"),
        **environ: str,
    ) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("MOONRAKER_")}
        self.output = output
        with output.open("ab") as out:
            self.popen = subprocess.Popen(
                [sys.executable, *program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**inherited, **environ},
                cwd=ROOT,
            )

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self) -> int:
        return self.popen.wait(PATIENCE_S)

    def end(self) -> tuple[int, float]:
        """SIGTERM; the exit code, and the seconds it took, but for what other programs took."""
        clock = ProcessClock(self.popen.pid)
        began = clock.now()
        self.send(signal.SIGTERM)
        with select.epoll() as ends:
            pidfd = os.pidfd_open(self.popen.pid)
            ends.register(pidfd, select.EPOLLIN)
            ends.poll(PATIENCE_S)
            os.close(pidfd)
        took_s = clock.waited_s(began)  # before the wait: what the kernel counted goes with it
        return self.wait(), took_s

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def rss_bytes(self) -> int:
        text = Path(f"/proc/{self.popen.pid}/status").read_text()
        (line,) = (line for line in text.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def reap(self) -> None:
        self.popen.kill()
        self.popen.wait(PATIENCE_S)
        heard_file(self.output)


class Notices:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE_S)

    def receive(self) -> str:
        return self._socket.recv(4096).decode()

    def until(self, text: str) -> list[str]:
        """What came up to and without `text`."""
        return list(iter(self.receive, text))

    def ready_or_ended(self, process: "Process") -> None:
        """Return at READY=1; raises `AssertionError` when the process ends first."""
        with select.epoll() as ends:
            ends.register(self._socket, select.EPOLLIN)
            pidfd = os.pidfd_open(process.popen.pid)
            ends.register(pidfd, select.EPOLLIN)
            try:
                while (self._socket.fileno(), select.EPOLLIN) in ends.poll(PATIENCE_S):
                    if self.receive() == "READY=1":
                        return
            finally:
                os.close(pidfd)
        raise AssertionError(f"no READY=1 from mrk:\n{process.said()}")

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True, slots=True)
class DaemonProcess:
    """A daemon that said READY=1."""

    process: Process
    folder: Path
    port: int
    notices: Notices

    @property
    def unix_path(self) -> Path:
        return self.folder / "comms" / "moonraker.sock"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/websocket"

    def connect(self) -> UnixClient:
        return UnixClient(self.unix_path)

    def wait_klippy(self, state: str = "ready") -> None:
        """Return once the printer is in that state: `ready`, `shutdown` or `disconnected`."""
        with self.connect() as client:
            while client.call("server.info")["klippy_state"] != state:
                client.wait_for(f"notify_klippy_{state}")


def configure(
    folder: Path,
    options: str = "",
    port: int | None = None,
    *,
    trusted: str = LOOPBACK,
    sections: str = "",
) -> int:
    """Write a configuration and the sample g-code; returns the port.

    `options` are lines of `[server]`, `sections` whole further ones.
    """
    port = port or free_port()
    for name in ("config", "gcodes", "comms"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    plant_secrets_file(folder)
    text = CONFIGURATION.format(port=port, options=options, trusted=trusted, sections=sections)
    (folder / "config" / "moonraker.conf").write_text(text)
    name, content = sample_gcode()
    (folder / "gcodes" / name).write_bytes(content)
    return port


@contextlib.contextmanager
def started(
    arguments: Sequence[str], folder: Path, port: int, **environ: str
) -> Iterator[DaemonProcess]:
    """Start any command that runs a daemon in `folder`, and wait until it is up."""
    notices = Notices(folder / "notify")
    process = Process(arguments, folder / "output.log", NOTIFY_SOCKET=str(notices.path), **environ)
    try:
        notices.ready_or_ended(process)
        yield DaemonProcess(process, folder, port, notices)
    finally:
        process.reap()
        notices.close()
        for log in (folder / "logs").glob("*"):
            heard_file(log)
        plant_database(folder / "database")


@contextlib.contextmanager
def run_daemon(
    folder: Path,
    options: str = "",
    *,
    trusted: str = LOOPBACK,
    sections: str = "",
    **environ: str,
) -> Iterator[DaemonProcess]:
    """`mrk -d FOLDER` without a printer; see `configure`."""
    port = configure(folder, options, trusted=trusted, sections=sections)
    with started(["-d", str(folder)], folder, port, **environ) as daemon:
        yield daemon


@contextlib.contextmanager
def run_demo(folder: Path, speed: float = 1.0, port: int | None = None) -> Iterator[DaemonProcess]:
    """`mrk demo`, its printer ready."""
    port = port or free_port()
    folder.mkdir(exist_ok=True)
    arguments = ["demo", "--data", str(folder), "--port", str(port), "--speed", str(speed)]
    with started(arguments, folder, port) as daemon:
        daemon.wait_klippy()
        yield daemon


@contextlib.contextmanager
def run_printer(folder: Path, *options: str) -> Iterator[Process]:
    """`mrk virtual-printer` for the daemon of `folder`; up when the block begins."""
    output = folder / "printer.log"
    seen = output.stat().st_size if output.exists() else 0
    path = folder / "comms" / "klippy.sock"
    words = ["virtual-printer", str(path), "--gcodes", str(folder / "gcodes"), *options]
    process = Process(words, output)
    try:
        limit = time.monotonic() + PATIENCE_S
        while "virtual printer on" not in process.said()[seen:]:
            assert process.popen.poll() is None, process.said()
            assert time.monotonic() < limit, process.said()
            time.sleep(0.005)
        yield process
    finally:
        process.reap()
