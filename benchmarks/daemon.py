"""The daemon and the virtual printer, each a process of its own in a temporary data folder.

`open_daemon` and `open_printer` start one and end it with their block. Only loopback is used, on
a port that was free a moment before. A `Program` is what `open_daemon` starts: mrk, or something
else that takes the same options and configuration.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import HOST, Client, Lost
from benchmarks.process import cpu_ns
from benchmarks.statistics import NS_PER_S
from benchmarks.wire import JunkFromServer, http_get
from nurseries.process.free_ports import free_port

_POLL_S = 0.002
_PATIENCE_S = 20.0
_STOP_S = 10.0
_LOG_LINES = 15
ROOT = Path(__file__).parents[1]
_CONFIG = """\
[server]
host: {host}
port: {port}
klippy_uds_address: {klippy}
max_websocket_connections: 2000

[authorization]
trusted_clients: 127.0.0.1

[machine]
provider: none
"""


class DaemonFailed(Exception):
    """The daemon or the printer did not do what a measurement needs; says what it printed."""


@dataclass(frozen=True, slots=True)
class Program:
    """A daemon that can be started: `command` is followed by `-d FOLDER`, and runs in `folder`."""

    name: str
    command: tuple[str, ...]
    folder: Path = ROOT


MRK = Program("mrk", (sys.executable, "-m", "mrk"))


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon; `answered_s` is the time from its start to the first answer,
    `answered_cpu_s` the processor time it had spent by then.
    """

    process: subprocess.Popen[bytes]
    port: int
    unix_socket: Path
    log: Path
    answered_s: float
    answered_cpu_s: float

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self) -> None:
        """Wait until the daemon is linked to a printer that is ready; raises `DaemonFailed`."""
        client = Client.unix(self.unix_socket)
        with contextlib.closing(client):
            state = ""
            limit = time.monotonic() + _PATIENCE_S
            while time.monotonic() < limit:
                state = client.call("server.info")["klippy_state"]
                if state == "ready":
                    return
                time.sleep(0.05)
        raise DaemonFailed(f"the printer stays {state}\n{tail(self.log)}")


def tail(log: Path) -> str:
    """The last lines that a process printed."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder with a short path: unix socket names are limited."""
    with tempfile.TemporaryDirectory(prefix="mrk-bench-") as name:
        yield Path(name)


def start(command: Sequence[str], log: Path, folder: Path = ROOT) -> subprocess.Popen[bytes]:
    """Run a program with byte code written, as an installed one has it; `log` gets what it says."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ = {k: v for k, v in environ.items() if not k.startswith("MOONRAKER_")}
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environ,
            cwd=folder,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for what does not end by itself."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def open_daemon(
    folder: Path, klippy: Path, sections: str = "", program: Program = MRK
) -> Iterator[Daemon]:
    """A daemon with core sections and `sections`, answering; `folder` becomes its data folder.

    Raises `DaemonFailed` when it ends or stays silent.
    """
    for name in ("config", "logs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    port = free_port()
    text = _CONFIG.format(host=HOST, port=port, klippy=klippy) + sections
    (folder / "config" / "moonraker.conf").write_text(text)
    log = folder / "bench.log"
    began = time.monotonic()
    process = start([*program.command, "-d", str(folder)], log, program.folder)
    try:
        _await_answer(process, port, log, program.name)
        answered_s = time.monotonic() - began
        cpu_s = cpu_ns(process.pid) / NS_PER_S
        yield Daemon(process, port, folder / "comms" / "moonraker.sock", log, answered_s, cpu_s)
    finally:
        stop(process)


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path, name: str) -> None:
    limit = time.monotonic() + _PATIENCE_S
    while time.monotonic() < limit:
        if process.poll() is not None:
            break
        if _answers(port):
            return
        time.sleep(_POLL_S)
    raise DaemonFailed(f"no answer from {name}; it ended with {process.poll()}\n{tail(log)}")


def _answers(port: int) -> bool:
    """Does GET /server/info answer 200 now?"""
    try:
        client = Client.http(port)
    except ConnectionRefusedError:
        return False
    with contextlib.closing(client):
        client.socket.sendall(http_get("/server/info", f"{HOST}:{port}"))
        try:
            while not (bodies := client.receive()):
                pass
        except (Lost, JunkFromServer) as exc:
            raise DaemonFailed(f"GET /server/info: {exc}") from exc
    return "result" in json.loads(bodies[0])


@contextlib.contextmanager
def open_printer(folder: Path, *options: str) -> Iterator[Path]:
    """`mrk virtual-printer` on a socket in `folder`; yields the socket's path."""
    path, log = folder / "klippy.sock", folder / "printer.log"
    gcodes = folder / "gcodes"
    gcodes.mkdir(parents=True, exist_ok=True)
    command = ["virtual-printer", str(path), "--gcodes", str(gcodes), *options]
    process = start([*MRK.command, *command], log)
    try:
        limit = time.monotonic() + _PATIENCE_S
        while not _listens(path):
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed(f"`mrk virtual-printer` does not listen\n{tail(log)}")
            time.sleep(_POLL_S)
        yield path
    finally:
        stop(process)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


@contextlib.contextmanager
def open_linked(sections: str = "") -> Iterator[Daemon]:
    """A daemon with core sections and `sections`, linked to a virtual printer that is ready."""
    with (
        temporary_folder() as folder,
        open_printer(folder) as klippy,
        open_daemon(folder, klippy, sections) as daemon,
    ):
        daemon.wait_ready()
        yield daemon
