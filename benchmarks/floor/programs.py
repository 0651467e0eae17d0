"""Starts a floor program and waits until it serves; used as a contender beside mrk."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clients import HOST
from benchmarks.daemon import Daemon, DaemonFailed, start, stop, tail
from nurseries.process.free_ports import free_port

# Name in the table -> module, of pushes and of requests.
PUSH_FLOORS = {
    "floor, bytes spliced": "benchmarks.floor.bare",
    "floor, msgspec": "benchmarks.floor.stream",
}
ANSWER_FLOORS = {"floor, nothing decoded": "benchmarks.floor.answers"}
_PATIENCE_S = 10.0


@contextlib.contextmanager
def open_floor(module: str, folder: Path, klippy: Path) -> Iterator[Daemon]:
    """Run one on a free port of loopback and, where it serves that, on a unix socket.

    Raises `DaemonFailed` when it does not come up.
    """
    port, log, unix_socket = free_port(), folder / "floor.log", folder / "floor.sock"
    process = start([sys.executable, "-m", module, str(port), str(klippy), str(unix_socket)], log)
    try:
        limit = time.monotonic() + _PATIENCE_S
        while "ready" not in tail(log):
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed(f"{module} on {HOST}:{port} did not come up\n{tail(log)}")
            time.sleep(0.01)
        yield Daemon(process, port, unix_socket, log, 0.0, 0.0)
    finally:
        stop(process)
